import { BodyReader } from "./reader.ts";

/** What an ErrorResponse or NoticeResponse says. Fields that a broken server left out are empty. */
export interface ServerError {
  readonly severity: string;
  readonly sqlState: string;
  /** Primary message, in the client's encoding. */
  readonly message: Buffer;
  /** Character position in the query text, from 1; 0 when not given. */
  readonly position: number;
}

const none = Buffer.alloc(0);

/**
 * Reads the fields of an ErrorResponse. `body` may be cut short: a message can be as large as the value it quotes, so only
 * its start is kept. Never throws, since a server that sends an odd error (PgBouncer CVE-2026-6666: no SQLSTATE) must not
 * take the session's record with it.
 */
export function readServerError(body: Buffer): ServerError {
  let [severity, sqlState, message, position] = ["", "", none, 0];
  let offset = 0;
  while (offset < body.length && body[offset] !== 0) {
    const code = String.fromCharCode(body[offset] ?? 0);
    const nul = body.indexOf(0, offset + 1);
    const end = nul < 0 ? body.length : nul;
    const value = body.subarray(offset + 1, end);
    if (code === "V" || (code === "S" && severity === "")) {
      severity = value.toString("latin1");
    } else if (code === "C") {
      sqlState = value.toString("latin1");
    } else if (code === "M") {
      message = Buffer.from(value);
    } else if (code === "P") {
      position = Number.parseInt(value.toString("latin1"), 10) || 0;
    }
    offset = end + 1;
  }
  return { severity, sqlState, message, position };
}

/** CommandComplete: the tag, such as `INSERT 0 3`. */
export function readTag(body: Buffer): string {
  const end = body.indexOf(0);
  return body.toString("latin1", 0, end < 0 ? body.length : end);
}

/** Longer tags are not worth comparing. */
const keptTagBytes = 32;

/** Reads tags as `readTag` does, and keeps the last: the next is mostly the same. */
export class TagReader {
  readonly #bytes = new Uint8Array(keptTagBytes);
  #length = -1;
  #tag = "";

  read(body: Buffer): string {
    if (body.length !== this.#length || !this.#isSame(body)) {
      this.#tag = readTag(body);
      this.#length = body.length <= keptTagBytes ? body.length : -1;
      for (let at = 0; at < this.#length; at += 1) {
        this.#bytes[at] = body[at] ?? 0;
      }
    }
    return this.#tag;
  }

  #isSame(body: Buffer): boolean {
    for (let at = 0; at < body.length; at += 1) {
      if (body[at] !== this.#bytes[at]) {
        return false;
      }
    }
    return true;
  }
}

/** One for all sessions: they ask for much the same. */
export const tags: TagReader = new TagReader();

/** ReadyForQuery: transaction state. */
export type TransactionStatus = "idle" | "transaction" | "failed";
export function readTransactionStatus(body: Buffer): TransactionStatus {
  return body[0] === 0x54 ? "transaction" : body[0] === 0x45 ? "failed" : "idle";
}

/** ParameterStatus: name and new value. */
export function readParameterStatus(body: Buffer): { readonly name: string; readonly value: string } {
  const reader = new BodyReader(body);
  return { name: reader.cstring().toString("utf8"), value: reader.cstring().toString("utf8") };
}

/** BackendKeyData: what a CancelRequest for this backend must carry. */
export interface BackendKey {
  readonly pid: number;
  readonly key: Buffer;
}
export function readBackendKey(body: Buffer): BackendKey {
  const reader = new BodyReader(body);
  const pid = reader.int32();
  // Memory of its own: a piece of the pool would keep 8 KiB of it for as long as the session lives.
  const key = Buffer.alloc(reader.left);
  reader.bytes(reader.left).copy(key);
  return { pid, key };
}

/** NegotiateProtocolVersion: the newest version that the server speaks, whole, and the options that it does not know. */
export function readNegotiatedVersion(body: Buffer): {
  readonly version: number;
  readonly unsupported: readonly string[];
} {
  const reader = new BodyReader(body);
  const version = reader.int32();
  const count = reader.uint32();
  const unsupported: string[] = [];
  while (unsupported.length < count) {
    unsupported.push(reader.cstring().toString("utf8"));
  }
  reader.end();
  return { version, unsupported };
}

/** ParameterDescription: type OIDs as the server settled them. */
export function readParameterTypes(body: Buffer): readonly number[] {
  const reader = new BodyReader(body);
  return Array.from({ length: reader.uint16() }, () => reader.uint32());
}

/** DataRow as text columns, for queries of the proxy's own. NULL is null. */
export function readTextRow(body: Buffer): (string | null)[] {
  const reader = new BodyReader(body);
  return Array.from({ length: reader.uint16() }, () => reader.value()?.toString("utf8") ?? null);
}
