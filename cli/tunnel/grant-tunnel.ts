import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import type { ConnectInfo } from "#wire/control-api.ts";
import { type End, handshakeVersion, type Refuse, type Warning } from "#wire/handshake.ts";
import { createProof, type ProofCredentials } from "#wire/proof.ts";
import { type FrameStream, frameStream } from "./frames.ts";

/** A stream to the proxy's port through the SSM session; each is a new connection at the far end. */
export type OpenStream = () => Promise<Duplex>;

export interface GrantTunnelOptions {
  readonly open: OpenStream;
  readonly info: ConnectInfo;
  readonly credentials: ProofCredentials;
  readonly clock: Clock;
  /** Shown in the audit record, such as `sallyport/0.1.0 linux`. */
  readonly client: string;
  readonly onWarning: (warning: Warning) => void;
}

/** Why a grant's tunnel is over: the proxy said so, or the stream broke. */
export type GrantTunnelEnd = { readonly end: End } | { readonly broken: Error };

/** A stream on which the database protocol can begin, or on which the proxy will say in that protocol why not. */
export interface DataStream {
  readonly stream: Duplex;
  readonly refused?: Refuse;
}

/** A proven tunnel: one control stream, and data streams as they are needed. */
export interface GrantTunnel {
  /** Opens a stream for one database connection. */
  openData(): Promise<DataStream>;
  /** Settles when the control stream is over, whatever the cause; never rejects. */
  readonly ended: Promise<GrantTunnelEnd>;
  close(): void;
}

/** A ping that is not answered within this time has found a dead tunnel. SSM's own idle timeout is 20 minutes. */
const pingPeriodMs = 30_000;
const pongTimeoutMs = 30_000;

/**
 * Proves the person to the proxy on a control stream and keeps it open. The proof is bound to the proxy's name as the control
 * API gave it, so a proof that a false proxy obtains is worthless at the true one. Rejects with a `UserError` when refused.
 */
export async function openGrantTunnel(options: GrantTunnelOptions): Promise<GrantTunnel> {
  const { info, clock } = options;
  const stream = await options.open();
  const frames = frameStream(stream);
  const hello = await frames.receive();
  if (hello.type !== "hello" || hello.version !== handshakeVersion || hello.installation !== info.installation) {
    stream.destroy();
    throw new UserError(
      "ProxyUnexpected",
      "what answered is not this installation's proxy, or speaks another version",
      {
        next: "Update sallyport on this computer; if that does not help, tell whoever operates Sallyport.",
      },
    );
  }
  const { installation, proxy, grantID } = info;
  const audience = { purpose: "connect", installation, proxy, grantID, nonce: hello.nonce } as const;
  const proof = await createProof(audience, options.credentials, info.sts, new Date(clock.now()));
  frames.send({ type: "prove", grantID, proof, client: options.client });
  const answer = await frames.receive();
  if (answer.type !== "welcome" || answer.ticket === undefined) {
    stream.destroy();
    throw refusalError(answer.type === "refuse" ? answer : undefined);
  }
  return new ControlStream(options, stream, frames, new Secret(answer.ticket));
}

class ControlStream implements GrantTunnel {
  readonly ended: Promise<GrantTunnelEnd>;
  readonly #options: GrantTunnelOptions;
  readonly #stream: Duplex;
  readonly #frames: FrameStream;
  #ticket: Secret;
  #cancelPing: () => void = () => {};
  #pingID = 0;
  #answeredID = 0;

  constructor(options: GrantTunnelOptions, stream: Duplex, frames: FrameStream, ticket: Secret) {
    this.#options = options;
    this.#stream = stream;
    this.#frames = frames;
    this.#ticket = ticket;
    this.ended = this.#follow();
    this.#schedulePing();
  }

  async openData(): Promise<DataStream> {
    const stream = await this.#options.open();
    const frames = frameStream(stream);
    const hello = await frames.receive();
    if (hello.type !== "hello") {
      stream.destroy();
      throw new UserError("ProxyUnexpected", "the proxy did not begin with its greeting");
    }
    frames.send({ type: "open", ticket: this.#ticket.reveal() });
    const answer = await frames.receive();
    if (answer.type === "welcome" || (answer.type === "refuse" && answer.spoken)) {
      frames.detach();
      return answer.type === "refuse" ? { stream, refused: answer } : { stream };
    }
    stream.destroy();
    throw refusalError(answer.type === "refuse" ? answer : undefined);
  }

  close(): void {
    this.#cancelPing();
    this.#stream.destroy();
  }

  async #follow(): Promise<GrantTunnelEnd> {
    try {
      for (;;) {
        const message = await this.#frames.receive();
        switch (message.type) {
          case "ping":
            this.#frames.send({ type: "pong", id: message.id });
            break;
          case "pong":
            this.#answeredID = Math.max(this.#answeredID, message.id);
            break;
          case "warning":
            this.#options.onWarning(message);
            break;
          case "ticket":
            this.#ticket = new Secret(message.ticket);
            break;
          case "end":
            return { end: message };
          default:
            return { broken: new Error(`unexpected message ${message.type} on the control stream`) };
        }
      }
    } catch (error) {
      return { broken: coerceError(error) };
    } finally {
      this.close();
    }
  }

  #schedulePing(): void {
    this.#cancelPing = this.#options.clock.after(pingPeriodMs, () => {
      this.#pingID += 1;
      this.#frames.send({ type: "ping", id: this.#pingID });
      this.#cancelPing = this.#options.clock.after(pongTimeoutMs, () => {
        if (this.#answeredID < this.#pingID) {
          this.#stream.destroy(new Error("the proxy does not answer"));
          return;
        }
        this.#schedulePing();
      });
    });
  }
}

function refusalError(refuse: Refuse | undefined): UserError {
  return new UserError("ProxyRefused", "the proxy refused the connection", {
    why: refuse?.message ?? "it answered in an unexpected form",
    next: refuse?.retryable ? "Run the same command again in a few seconds." : "sallyport grants list",
  });
}
