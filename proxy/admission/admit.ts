import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { encodeFrame, FrameError, FrameReader } from "#wire/frame.ts";
import { handshakeVersion, type FromProxy, type OpenWithTicket, type Prove } from "#wire/handshake.ts";
import type { LinkGrant } from "#wire/link.ts";
import { formatNonce, type Audience, type ProofRefusal, type ProvenIdentity } from "#wire/proof.ts";
import type { GrantTable } from "../grants/table.ts";
import { ChunkReader, StreamEnded } from "../streams.ts";
import { factsOf, refuseEngine, refuseGrant, refuseIdentity, type Refusal } from "./decide.ts";
import { readClientMessage } from "./messages.ts";
import type { TicketBook } from "./tickets.ts";

/**
 * From accepting a stream to its first whole message. A client signs its proof locally in milliseconds; a tunnel may add a second
 * or two. A stream that is slower, or says nothing, is closed.
 */
export const handshakeTimeoutMs = 10_000;
const nonceBytes = 24;

/** What admission works with. */
export interface AdmissionPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly installation: string;
  /** `namespace/name`; the proxy's own, which a client must have learned elsewhere. */
  readonly proxy: string;
  readonly grants: GrantTable;
  readonly tickets: TicketBook;
  /** Whether the controller was heard recently enough to let somebody in, and the task is not stopping. */
  readonly admits: () => boolean;
  /** Whether the task takes nobody new, since it is being replaced. */
  readonly isDraining: () => boolean;
  /** Database engines that this release speaks. */
  readonly engines: ReadonlySet<string>;
  /** Asks STS who signed a proof for this audience. */
  readonly verify: (proof: unknown, audience: Audience) => Promise<ProvenIdentity | ProofRefusal>;
  readonly randomBytes: (count: number) => Buffer;
}

/** A stream that passed. */
export type Admitted =
  | {
      readonly kind: "control";
      readonly grant: LinkGrant;
      readonly client: string;
      /** Continues the frames of this stream. */
      readonly frames: FrameReader;
    }
  | { readonly kind: "data"; readonly grant: LinkGrant; readonly client: string; readonly rest: Buffer }
  /** A data stream whose client should hear the reason in the database protocol. */
  | { readonly kind: "spoken"; readonly grant: LinkGrant | undefined; readonly message: string; readonly rest: Buffer };

const draining: Refusal = {
  code: "draining",
  message: "this proxy is being replaced and takes no new connections; connect again to reach its successor",
  retryable: true,
};
const unknown: Refusal = { code: "grant-unknown", message: "the proxy does not know this grant", retryable: true };

/** Sends one handshake message. */
export function send(stream: Duplex, message: FromProxy): void {
  if (!stream.destroyed && stream.writable) {
    stream.write(encodeFrame(message));
  }
}

/**
 * Runs the grant handshake on a fresh stream. Undefined when the stream was refused and is closed, or closed by itself. Why a
 * grant ended is told to its own person only.
 */
export async function admit(stream: Duplex, ports: AdmissionPorts): Promise<Admitted | undefined> {
  const nonce = formatNonce(ports.randomBytes(nonceBytes));
  const reader = new ChunkReader(stream);
  const frames = new FrameReader();
  send(stream, { type: "hello", version: handshakeVersion, installation: ports.installation, nonce });
  const cancelTimer = ports.clock.after(handshakeTimeoutMs, () => stream.destroy());
  let message: unknown;
  try {
    message = await nextMessage(reader, frames);
  } catch (error) {
    reader.detach();
    if (!(error instanceof StreamEnded) && !(error instanceof FrameError)) {
      throw error;
    }
    stream.destroy();
    return undefined;
  } finally {
    cancelTimer();
  }
  frames.push(reader.detach());
  const request = readClientMessage(message);
  switch (request?.type) {
    case "prove":
      return prove(stream, request, nonce, frames, ports);
    case "open":
      return open(stream, request, frames, ports);
    default:
      return refuse(stream, {
        code: "malformed",
        message: "the stream did not begin with a handshake",
        retryable: false,
      });
  }
}

async function nextMessage(reader: ChunkReader, frames: FrameReader): Promise<unknown> {
  for (;;) {
    const message = frames.next();
    if (message !== undefined) {
      return message;
    }
    frames.push(await reader.next());
  }
}

function refuse(stream: Duplex, refusal: Refusal): undefined {
  send(stream, { type: "refuse", ...refusal, spoken: false });
  stream.end();
  // Read to the end, so that the refusal is not lost in a reset.
  stream.resume();
  return undefined;
}

async function prove(
  stream: Duplex,
  request: Prove,
  nonce: string,
  frames: FrameReader,
  ports: AdmissionPorts,
): Promise<Admitted | undefined> {
  const { grantID, client } = request;
  if (ports.isDraining()) {
    return refuse(stream, draining);
  }
  const before = factsOf(grantID, ports.grants);
  if (before === undefined || !ports.admits()) {
    const refusal = refuseGrant(before, ports.admits()) ?? unknown;
    ports.log.info("handshake refused", { grantID, code: refusal.code });
    return refuse(stream, refusal);
  }
  const { installation, proxy } = ports;
  const identity = await ports.verify(request.proof, { purpose: "connect", installation, proxy, grantID, nonce });
  // Read after STS took its time: the grant may have ended meanwhile. Only its own person is told that, and why.
  const after = factsOf(grantID, ports.grants);
  const refusal =
    refuseIdentity(identity, before.grant) ??
    refuseGrant(after, ports.admits()) ??
    refuseEngine(before.grant, ports.engines);
  if (refusal !== undefined || after === undefined) {
    ports.log.warn("handshake refused", {
      grantID,
      code: refusal?.code,
      ...("refused" in identity ? { detail: identity.detail } : { arn: identity.arn, roleID: identity.roleID }),
    });
    return refuse(stream, refusal ?? unknown);
  }
  if (stream.destroyed) {
    return undefined;
  }
  const { ticket, lifeMs } = ports.tickets.issue(grantID, client, after.remainingMs);
  send(stream, { type: "welcome", ticket, ticketLifeMs: lifeMs, remainingMs: Math.floor(after.remainingMs) });
  return { kind: "control", grant: after.grant, client, frames };
}

function open(
  stream: Duplex,
  request: OpenWithTicket,
  frames: FrameReader,
  ports: AdmissionPorts,
): Admitted | undefined {
  const held = ports.tickets.check(request.ticket);
  const facts = held === undefined ? undefined : factsOf(held.grantID, ports.grants);
  if (held === undefined) {
    return speak(stream, frames, undefined, {
      code: "ticket-unknown",
      message: "the tunnel is no longer known to this proxy; connect again",
      retryable: true,
    });
  }
  const refusal = refuseGrant(facts, ports.admits()) ?? (ports.isDraining() ? draining : undefined);
  if (refusal !== undefined || facts === undefined) {
    return speak(stream, frames, facts?.grant, refusal ?? unknown);
  }
  send(stream, { type: "welcome", remainingMs: Math.floor(facts.remainingMs) });
  return { kind: "data", grant: facts.grant, client: held.client, rest: frames.rest() };
}

/** A refused data stream goes over to the database protocol, so that the database client shows the reason. */
function speak(stream: Duplex, frames: FrameReader, grant: LinkGrant | undefined, refusal: Refusal): Admitted {
  send(stream, { type: "refuse", ...refusal, spoken: true });
  return { kind: "spoken", grant, message: refusal.message, rest: frames.rest() };
}
