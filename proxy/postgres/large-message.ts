import { asciiName, type BoundValue, readFormats } from "./frontend.ts";
import { front, ProtocolViolation } from "./protocol.ts";
import { BodyReader } from "./reader.ts";
import type { StoredSQL, TextSink, TextStore } from "./stored-text.ts";

/** A Query, Parse or Bind whose body was not held in memory. */
export type LargeMessage =
  | { readonly type: typeof front.query; readonly sql: StoredSQL }
  | {
      readonly type: typeof front.parse;
      readonly name: string;
      readonly sql: StoredSQL;
      readonly types: readonly number[];
    }
  | {
      readonly type: typeof front.bind;
      readonly portal: string;
      readonly statement: string;
      readonly parameters: readonly BoundValue[];
    };

/** Names are short: the server keeps 63 bytes of one. */
const nameBytesMax = 10_000;

/**
 * What the reading of a message asks for next: so many bytes at once, all up to a NUL, or so many bytes as they come. Resumed with the
 * bytes where they were asked for at once.
 */
type Ask =
  | { readonly kind: "take"; readonly count: number }
  | { readonly kind: "cstring"; readonly sink: TextSink | undefined; readonly bytesMax: number }
  | { readonly kind: "pass"; readonly count: number; readonly sink: TextSink | undefined };

type Reading = Generator<Ask, LargeMessage, Buffer>;

const take = (count: number): Ask => ({ kind: "take", count });
const none = Buffer.alloc(0);

/**
 * Reads one large message as strictly as small ones are read, from a body that passes in pieces: texts and values go on to a store, of
 * the rest only what is being read is kept (some hundred KiB: formats and types of 65,535 parameters).
 */
export class LargeMessageReader {
  readonly #reading: Reading;
  #ask: IteratorResult<Ask, LargeMessage>;
  /** Bytes that are asked for at once and not all there. */
  #parts: Buffer[] = [];
  #have = 0;
  #left: number;

  constructor(type: number, bodyBytes: number, store: TextStore) {
    this.#left = bodyBytes;
    this.#reading = type === front.query ? query(store) : type === front.parse ? parse(store) : bind(store);
    this.#ask = this.#reading.next(none);
    this.#check();
  }

  /** The message, once all of its body was pushed. Throws `ProtocolViolation` where it does not add up. */
  push(piece: Buffer): LargeMessage | undefined {
    let rest = piece;
    while (this.#ask.done !== true && (rest.length > 0 || wants(this.#ask.value) === this.#have)) {
      rest = this.#serve(this.#ask.value, rest);
    }
    this.#left -= rest.length;
    if (rest.length > 0) {
      throw new ProtocolViolation("invalid message format: bytes follow the end of the message");
    }
    if (this.#left > 0) {
      return undefined;
    }
    if (this.#ask.done !== true) {
      throw new ProtocolViolation("invalid message format: the message is too short");
    }
    return this.#ask.value;
  }

  #serve(ask: Ask, bytes: Buffer): Buffer {
    if (ask.kind === "cstring") {
      const end = bytes.indexOf(0);
      const part = bytes.subarray(0, end < 0 ? bytes.length : end);
      this.#consume(ask, part);
      if (this.#have > ask.bytesMax) {
        throw new ProtocolViolation("invalid message format: a name is too long");
      }
      if (end < 0) {
        return none;
      }
      this.#left -= 1;
      this.#resume();
      return bytes.subarray(end + 1);
    }
    const count = Math.min(ask.count - this.#have, bytes.length);
    this.#consume(ask, bytes.subarray(0, count));
    if (this.#have === ask.count) {
      this.#resume();
    }
    return bytes.subarray(count);
  }

  #consume(ask: Ask, part: Buffer): void {
    this.#left -= part.length;
    this.#have += part.length;
    if (part.length === 0) {
      return;
    }
    if (ask.kind === "take" || (ask.kind === "cstring" && ask.sink === undefined)) {
      this.#parts.push(Buffer.from(part));
    } else {
      ask.sink?.push(part);
    }
  }

  #resume(): void {
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#have = 0;
    this.#ask = this.#reading.next(bytes);
    this.#check();
  }

  /** No length is believed beyond the message's own. */
  #check(): void {
    if (this.#ask.done !== true && wants(this.#ask.value) > this.#left) {
      throw new ProtocolViolation("invalid message format: the message is too short");
    }
  }
}

/** Least bytes that it takes; −1 where that is not known. */
const wants = (ask: Ask): number => (ask.kind === "cstring" ? -1 : ask.count);

function* name(): Generator<Ask, string, Buffer> {
  return asciiName(yield { kind: "cstring", sink: undefined, bytesMax: nameBytesMax });
}

function* text(store: TextStore): Generator<Ask, StoredSQL, Buffer> {
  const sink = store.sql();
  yield { kind: "cstring", sink, bytesMax: Number.POSITIVE_INFINITY };
  return sink.end();
}

function* query(store: TextStore): Reading {
  const sink = store.sql();
  yield { kind: "cstring", sink, bytesMax: Number.POSITIVE_INFINITY };
  return { type: front.query, sql: sink.end() };
}

function* parse(store: TextStore): Reading {
  const statement = yield* name();
  const sql = yield* text(store);
  const count = (yield take(2)).readUInt16BE();
  const reader = new BodyReader(yield take(4 * count));
  const types = Array.from({ length: count }, () => reader.uint32());
  return { type: front.parse, name: statement, sql, types };
}

function* bind(store: TextStore): Reading {
  const portal = yield* name();
  const statement = yield* name();
  const formats = yield* formatCodes();
  const count = (yield take(2)).readUInt16BE();
  if (formats.length > 1 && formats.length !== count) {
    throw new ProtocolViolation(`bind message has ${formats.length} parameter formats but ${count} parameters`);
  }
  const parameters: BoundValue[] = [];
  let together = 0;
  for (let index = 0; index < count; index += 1) {
    const length = (yield take(4)).readInt32BE();
    const binary = (formats.length === 1 ? formats[0] : formats[index]) === 1;
    if (length < -1) {
      throw new ProtocolViolation("invalid message format: a value has a negative length");
    }
    if (length === -1) {
      parameters.push({ binary, bytes: null });
      continue;
    }
    const sink = store.value(binary, together);
    yield { kind: "pass", count: length, sink };
    const stored = sink?.end();
    together += stored === undefined || stored.reference !== undefined ? 0 : length;
    parameters.push(stored === undefined ? { binary, bytes: none } : { binary, bytes: none, stored });
  }
  yield* formatCodes();
  return { type: front.bind, portal, statement, parameters };
}

function* formatCodes(): Generator<Ask, readonly number[], Buffer> {
  const head = yield take(2);
  return readFormats(new BodyReader(Buffer.concat([head, yield take(2 * head.readUInt16BE())])));
}
