import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import { encodeError } from "../postgres/encode.ts";
import { ProtocolViolation, sqlState } from "../postgres/protocol.ts";
import { negotiate, readOpening, type Negotiated } from "../postgres/startup.ts";
import { type ChunkReader, StreamEnded } from "../streams.ts";

/** From the handshake to a whole startup packet. The same as Postgres gives a client (authentication_timeout). */
export const openingTimeoutMs = 60_000;
/** From a refusal to a whole startup packet: a client that was let in has one ready, and only its own person waits for the reason. */
export const refusalTimeoutMs = 10_000;
/** A client asks for GSS, then TLS, then starts; a stranger may not ask for ever. */
const requestsMax = 4;

/** What the client wants of this stream. */
export type ClientOpening =
  | { readonly kind: "cancel"; readonly pid: number; readonly key: Buffer }
  | { readonly kind: "startup"; readonly negotiated: Negotiated; readonly parameters: ReadonlyMap<string, string> };

/**
 * Reads what comes before the session. TLS and GSS encryption are declined with `N`: the stream is the loopback end of a tunnel.
 * Throws `ProtocolViolation` (answer it with an error) or `StreamEnded`.
 */
export async function readClientOpening(
  stream: Duplex,
  reader: ChunkReader,
  clock: Clock,
  timeoutMs: number = openingTimeoutMs,
): Promise<ClientOpening> {
  const cancelTimer = clock.after(timeoutMs, () => stream.destroy());
  try {
    let pending: Buffer = Buffer.alloc(0);
    for (let requests = 0; requests <= requestsMax;) {
      const read = readOpening(pending);
      if (read === undefined) {
        pending = Buffer.concat([pending, await reader.next()]);
        continue;
      }
      pending = pending.subarray(read.used);
      if (read.opening.kind === "startup") {
        reader.unread(pending);
        const { version, parameters } = read.opening;
        return { kind: "startup", negotiated: negotiate(version, parameters), parameters };
      }
      if (read.opening.kind === "cancel") {
        return read.opening;
      }
      requests += 1;
      stream.write("N");
    }
    throw new ProtocolViolation("too many encryption requests");
  } finally {
    cancelTimer();
  }
}

/** What a grant lets a client ask for. */
export interface GrantedTarget {
  readonly username: string;
  readonly databaseName: string;
}

/**
 * Parameters for the server's startup packet, once user and database are what was granted. Connecting to something else than
 * asked would mislead the person, so it is an error that names the right ones. Throws `ProtocolViolation`.
 */
export function checkStartup(
  parameters: ReadonlyMap<string, string>,
  granted: GrantedTarget,
): ReadonlyMap<string, string> {
  const user = parameters.get("user") ?? "";
  if (user !== granted.username) {
    throw new ProtocolViolation(
      `user "${user}" is not what this grant is for: connect as user "${granted.username}" to database "${granted.databaseName}"`,
      sqlState.invalidAuthorization,
    );
  }
  const database = parameters.get("database") ?? user;
  if (database !== granted.databaseName) {
    throw new ProtocolViolation(
      `database "${database}" is not what this grant is for: connect to database "${granted.databaseName}" as user "${granted.username}"`,
      sqlState.unknownDatabase,
    );
  }
  // Walsender commands and CopyBoth are not SQL and could not be recorded.
  const replication = parameters.get("replication")?.toLowerCase();
  if (replication !== undefined && !["false", "off", "no", "0", "f", "n"].includes(replication)) {
    throw new ProtocolViolation("replication connections are not allowed here", sqlState.featureNotSupported);
  }
  return new Map(
    [...parameters].filter(
      ([name]) => !["user", "database", "replication"].includes(name) && !name.startsWith("_pq_."),
    ),
  );
}

/** Ends the stream with an error in the client's own protocol. */
export function refuseClient(stream: Duplex, message: string, state: string, hint?: string): void {
  stream.end(encodeError({ severity: "FATAL", sqlState: state, message, ...(hint === undefined ? {} : { hint }) }));
  // Bytes that were never read would turn the close into a reset, which drops the error before the client sees it.
  stream.resume();
}

/** Waits for the client's startup packet and answers it with the reason of a refusal, so that `psql` shows it. */
export async function speakRefusal(stream: Duplex, reader: ChunkReader, clock: Clock, message: string): Promise<void> {
  try {
    const opening = await readClientOpening(stream, reader, clock, refusalTimeoutMs);
    reader.detach();
    if (opening.kind === "startup") {
      refuseClient(stream, message, sqlState.invalidAuthorization);
    } else {
      stream.destroy();
    }
  } catch (error) {
    reader.detach();
    if (error instanceof StreamEnded || error instanceof ProtocolViolation) {
      stream.destroy();
      return;
    }
    throw error;
  }
}
