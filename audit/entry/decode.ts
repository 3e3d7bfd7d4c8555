import type { Parameter, RecordBody, StatementEnd, StatementStart } from "../record.ts";
import type { Text } from "../text.ts";
import type { EpochMs } from "#lib/clock.ts";
import {
  endFlags,
  entryVersion,
  formats,
  outcomes,
  protocols,
  shapes,
  startFlags,
  textTags,
  transactions,
} from "./layout.ts";

/** An entry read back: what the journal was given, and when. */
export interface Entry {
  readonly body: RecordBody;
  readonly time: EpochMs;
}

/**
 * Reads an entry whose frame was intact. Gives back exactly what was written. Throws `Error` for bytes that no version of this
 * software wrote, and `RangeError` where they end early.
 */
export function decodeEntry(bytes: Buffer): Entry {
  const reader = new EntryReader(bytes);
  if (reader.byte() !== entryVersion) {
    throw new Error("the entry has no version that this release reads");
  }
  const shape = reader.byte();
  const time = reader.number();
  switch (shape) {
    case shapes.json:
      return { time, body: JSON.parse(reader.string()) as RecordBody };
    case shapes.start:
      return { time, body: readStart(reader) };
    case shapes.end:
      return { time, body: readEnd(reader) };
    default:
      throw new Error("the entry's shape is unknown");
  }
}

/** As `decodeEntry`; undefined for what it throws at. */
export function tryDecodeEntry(bytes: Buffer): Entry | undefined {
  try {
    return decodeEntry(bytes);
  } catch {
    return undefined;
  }
}

class EntryReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): number {
    this.#at += 1;
    return this.#bytes.readUInt8(this.#at - 1);
  }

  short(): number {
    this.#at += 2;
    return this.#bytes.readUInt16LE(this.#at - 2);
  }

  int(): number {
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }

  number(): number {
    this.#at += 8;
    return this.#bytes.readDoubleLE(this.#at - 8);
  }

  session(): string {
    return this.#utf8(this.short());
  }

  string(): string {
    const text = this.text();
    if (typeof text !== "string") {
      throw new Error("the entry holds bytes where a string belongs");
    }
    return text;
  }

  text(): Text {
    return this.#textOf(this.byte());
  }

  /** A parameter's value, and where it lies when it is not here. */
  value(): Pick<Parameter, "value" | "text"> {
    let tag = this.byte();
    if (tag !== textTags.reference) {
      return { value: tag === textTags.null ? null : this.#textOf(tag) };
    }
    const text = { text: this.number(), bytes: this.number() };
    tag = this.byte();
    return { value: tag === textTags.null ? null : this.#textOf(tag), text };
  }

  #textOf(tag: number): Text {
    const text = this.#utf8(this.int());
    switch (tag) {
      case textTags.utf8:
        return text;
      case textTags.base64:
        return { base64: text };
      case textTags.json:
        return JSON.parse(text) as string;
      default:
        throw new Error("the entry holds a text of an unknown form");
    }
  }

  #utf8(length: number): string {
    const end = this.#at + length;
    if (end > this.#bytes.length) {
      throw new RangeError("the entry ends early");
    }
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end;
    return text;
  }
}

/** Member of a list that the format numbers. */
function place<T>(list: readonly T[], index: number): T {
  const member = list[index];
  if (member === undefined) {
    throw new Error("the entry names a value that this release does not know");
  }
  return member;
}

function readStart(reader: EntryReader): StatementStart {
  const session = reader.session();
  const statement = reader.number();
  const protocol = place(protocols, reader.byte());
  const transaction = place(transactions, reader.byte());
  const flags = reader.short();
  const has = (flag: number): boolean => (flags & flag) !== 0;
  return {
    kind: "statement.start",
    session,
    statement,
    protocol,
    transaction,
    ...(has(startFlags.sql) ? { sql: reader.text() } : {}),
    ...(has(startFlags.redacted) ? { redacted: reader.number() } : {}),
    ...(has(startFlags.statements) ? { statements: reader.number() } : {}),
    ...(has(startFlags.statementName) ? { statementName: reader.text() } : {}),
    ...(has(startFlags.portal) ? { portal: reader.text() } : {}),
    ...(has(startFlags.parameters) ? { parameters: readParameters(reader) } : {}),
    ...(has(startFlags.parametersOmitted) ? { parametersOmitted: reader.number() } : {}),
    ...(has(startFlags.functionOID) ? { functionOID: reader.number() } : {}),
    ...(has(startFlags.rowLimit) ? { rowLimit: reader.number() } : {}),
    ...(has(startFlags.continues) ? { continues: reader.number() } : {}),
    ...(has(startFlags.user) ? { user: reader.text() } : {}),
    ...(has(startFlags.encoding) ? { encoding: reader.string() } : {}),
    ...(has(startFlags.notices) ? { notices: many(reader, () => reader.string()) } : {}),
    ...(has(startFlags.database) ? { database: reader.text() } : {}),
  };
}

function readParameters(reader: EntryReader): Parameter[] {
  return many(reader, () => {
    const type = reader.number();
    const format = place(formats, reader.byte());
    return { type, format, ...reader.value() };
  });
}

function many<T>(reader: EntryReader, read: () => T): T[] {
  const count = reader.int();
  const all: T[] = [];
  for (let index = 0; index < count; index += 1) {
    all.push(read());
  }
  return all;
}

function readEnd(reader: EntryReader): StatementEnd {
  const session = reader.session();
  const statement = reader.number();
  const outcome = place(outcomes, reader.byte());
  const transaction = reader.byte();
  const flags = reader.short();
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const bytesToClient = reader.number();
  const bytesFromClient = reader.number();
  const durationMs = reader.number();
  return {
    kind: "statement.end",
    session,
    statement,
    outcome,
    bytesToClient,
    bytesFromClient,
    durationMs,
    ...(has(endFlags.transaction) ? { transaction: place(transactions, transaction) } : {}),
    ...(has(endFlags.tag) ? { tag: reader.string() } : {}),
    ...(has(endFlags.rows) ? { rows: reader.number() } : {}),
    ...(has(endFlags.sqlState) ? { sqlState: reader.string() } : {}),
    ...(has(endFlags.message) ? { message: reader.text() } : {}),
    ...(has(endFlags.suspended) ? { suspended: reader.byte() === 1 } : {}),
    ...(has(endFlags.errno) ? { errno: reader.number() } : {}),
    ...(has(endFlags.affectedRows) ? { affectedRows: reader.number() } : {}),
    ...(has(endFlags.lastInsertID) ? { lastInsertID: reader.string() } : {}),
    ...(has(endFlags.warnings) ? { warnings: reader.number() } : {}),
    ...(has(endFlags.info) ? { info: reader.text() } : {}),
  };
}
