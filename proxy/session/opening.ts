import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import { encodeError } from "../postgres/encode.ts";
import { ProtocolViolation, sqlState } from "../postgres/protocol.ts";
import { negotiate, readOpening, type Negotiated } from "../postgres/startup.ts";
import { ChunkReader, ignoreErrors, StreamEnded } from "../streams.ts";
import { acceptDirectTLS } from "./client-tls.ts";

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
 * A client's stream up to its startup packet. TLS and GSS encryption are declined with `N`: the stream is the loopback end of an
 * encrypted tunnel, and a client that did not mind would pay for a second encryption that protects nothing. A client that begins
 * with TLS minds, and gets it (docs/decisions/0009-client-tls.md).
 */
export class ClientDoor {
  #stream: Duplex;
  #reader: ChunkReader;
  #isEncrypted = false;

  constructor(stream: Duplex, rest: Buffer) {
    ignoreErrors(stream);
    this.#stream = stream;
    this.#reader = new ChunkReader(stream);
    this.#reader.unread(rest);
  }

  /** Where the session goes on: inside TLS, where the client began it. */
  get stream(): Duplex {
    return this.#stream;
  }

  get reader(): ChunkReader {
    return this.#reader;
  }

  /** Reads what comes before the session. Throws `ProtocolViolation` (answer it with an error) or `StreamEnded`. */
  async opening(clock: Clock, timeoutMs: number = openingTimeoutMs): Promise<ClientOpening> {
    const { stream } = this;
    const cancelTimer = clock.after(timeoutMs, () => stream.destroy());
    try {
      let pending: Buffer = Buffer.alloc(0);
      for (let requests = 0; requests <= requestsMax;) {
        const read = readOpening(pending);
        if (read === undefined) {
          pending = Buffer.concat([pending, await this.#reader.next()]);
          continue;
        }
        const { opening, used } = read;
        if (opening.kind === "tls") {
          if (requests > 0 || this.#isEncrypted) {
            throw new ProtocolViolation("TLS does not begin here");
          }
          await this.#encrypt(pending);
          pending = Buffer.alloc(0);
          continue;
        }
        pending = pending.subarray(used);
        if (opening.kind === "startup") {
          this.#reader.unread(pending);
          const { version, parameters } = opening;
          return { kind: "startup", negotiated: negotiate(version, parameters), parameters };
        }
        if (opening.kind === "cancel") {
          return opening;
        }
        if (this.#isEncrypted) {
          throw new ProtocolViolation("the connection is encrypted already");
        }
        requests += 1;
        this.#stream.write("N");
      }
      throw new ProtocolViolation("too many encryption requests");
    } finally {
      cancelTimer();
    }
  }

  /** Ends the stream with an error in the client's own protocol. */
  refuse(message: string, state: string): void {
    this.#reader.detach();
    this.#stream.end(encodeError({ severity: "FATAL", sqlState: state, message }));
    // Bytes that were never read would turn the close into a reset, which drops the error before the client sees it.
    this.#stream.resume();
  }

  /** Ends the stream without a word. */
  close(): void {
    this.#reader.detach();
    this.#stream.destroy();
  }

  async #encrypt(hello: Buffer): Promise<void> {
    const rest = this.#reader.detach();
    this.#stream = await acceptDirectTLS(this.#stream, Buffer.concat([hello, rest]));
    this.#reader = new ChunkReader(this.#stream);
    this.#isEncrypted = true;
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

/** Waits for the client's startup packet and answers it with the reason of a refusal, so that `psql` shows it. */
export async function speakRefusal(door: ClientDoor, clock: Clock, message: string): Promise<void> {
  try {
    const opening = await door.opening(clock, refusalTimeoutMs);
    if (opening.kind === "startup") {
      door.refuse(message, sqlState.invalidAuthorization);
    } else {
      door.close();
    }
  } catch (error) {
    door.close();
    if (!(error instanceof StreamEnded || error instanceof ProtocolViolation)) {
      throw error;
    }
  }
}
