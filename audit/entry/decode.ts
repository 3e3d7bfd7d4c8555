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

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function readStart(reader: EntryReader): StatementStart {
  const session = reader.session();
  const statement = reader.number();
  const protocol = place(protocols, reader.byte());
  const transaction = place(transactions, reader.byte());
  const flags = reader.short();
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const body: Mutable<StatementStart> = {
    kind: "statement.start",
    session,
    statement,
    protocol,
    transaction,
  };
  if (has(startFlags.sql)) {
    body.sql = reader.text();
  }
  if (has(startFlags.redacted)) {
    body.redacted = reader.number();
  }
  if (has(startFlags.statements)) {
    body.statements = reader.number();
  }
  if (has(startFlags.statementName)) {
    body.statementName = reader.text();
  }
  if (has(startFlags.portal)) {
    body.portal = reader.text();
  }
  if (has(startFlags.parameters)) {
    body.parameters = readParameters(reader);
  }
  if (has(startFlags.parametersOmitted)) {
    body.parametersOmitted = reader.number();
  }
  if (has(startFlags.functionOID)) {
    body.functionOID = reader.number();
  }
  if (has(startFlags.rowLimit)) {
    body.rowLimit = reader.number();
  }
  if (has(startFlags.continues)) {
    body.continues = reader.number();
  }
  if (has(startFlags.user)) {
    body.user = reader.text();
  }
  if (has(startFlags.encoding)) {
    body.encoding = reader.string();
  }
  if (has(startFlags.notices)) {
    body.notices = many(reader, () => reader.string());
  }
  if (has(startFlags.database)) {
    body.database = reader.text();
  }
  return body;
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
  const body: Mutable<StatementEnd> = {
    kind: "statement.end",
    session,
    statement,
    outcome,
    bytesToClient,
    bytesFromClient,
    durationMs,
  };
  if (has(endFlags.transaction)) {
    body.transaction = place(transactions, transaction);
  }
  if (has(endFlags.tag)) {
    body.tag = reader.string();
  }
  if (has(endFlags.rows)) {
    body.rows = reader.number();
  }
  if (has(endFlags.sqlState)) {
    body.sqlState = reader.string();
  }
  if (has(endFlags.message)) {
    body.message = reader.text();
  }
  if (has(endFlags.suspended)) {
    body.suspended = reader.byte() === 1;
  }
  if (has(endFlags.errno)) {
    body.errno = reader.number();
  }
  if (has(endFlags.affectedRows)) {
    body.affectedRows = reader.number();
  }
  if (has(endFlags.lastInsertID)) {
    body.lastInsertID = reader.string();
  }
  if (has(endFlags.warnings)) {
    body.warnings = reader.number();
  }
  if (has(endFlags.info)) {
    body.info = reader.text();
  }
  return body;
}
