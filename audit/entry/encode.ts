import { canonicalJSON, type CanonicalValue } from "../canonical.ts";
import type { Parameter, RecordBody, StatementEnd, StatementStart } from "../record.ts";
import type { Batch } from "../spool/batch.ts";
import type { EpochMs } from "#lib/clock.ts";
import {
  endFlags,
  entryStartBytes,
  entryVersion,
  outcomes,
  protocols,
  shapes,
  startFlags,
  textTags,
  transactions,
} from "./layout.ts";
import { EntryWriter, textBytesMax } from "./writer.ts";

/** One writer for the process: encoding is synchronous, and its fields then stay in the processor's cache. */
const writer = new EntryWriter();

/** A session's name as entries carry it: 16-bit length and UTF-8. Made once a session. Throws for a name that does not fit. */
export function sessionPrefix(session: string): Buffer {
  const bytes = Buffer.from(session, "utf8");
  if (bytes.length > 65_535 || bytes.toString("utf8") !== session) {
    throw new TypeError("a session's name is not valid Unicode or too long");
  }
  const prefix = Buffer.allocUnsafeSlow(2 + bytes.length);
  prefix.writeUInt16LE(bytes.length, 0);
  bytes.copy(prefix, 2);
  return prefix;
}

/**
 * Writes a body as an entry into `batch`, at its `entryAt`, and returns the offset after it; `commit` of the spool is the caller's.
 * `prefix`: `sessionPrefix` of its session, needed for a statement's start and end. Throws `TypeError` for numbers that JSON cannot
 * hold.
 */
export function encodeEntry(batch: Batch, body: RecordBody, prefix: Buffer | undefined, time: EpochMs): number {
  if (prefix !== undefined && body.kind === "statement.start") {
    return encodeStart(batch, body, prefix, time) ?? encodeJSON(batch, body, time);
  }
  if (prefix !== undefined && body.kind === "statement.end") {
    return encodeEnd(batch, body, prefix, time) ?? encodeJSON(batch, body, time);
  }
  return encodeJSON(batch, body, time);
}

function encodeJSON(batch: Batch, body: RecordBody, time: EpochMs): number {
  const json = canonicalJSON(body as unknown as CanonicalValue);
  writer.begin(batch, entryStartBytes + textBytesMax(json));
  start(shapes.json, time);
  writer.string(json);
  return writer.at;
}

function start(shape: number, time: EpochMs): void {
  writer.byte(entryVersion);
  writer.byte(shape);
  writer.number(time);
}

/** Numbers, enumerations, flags and lengths of all fields that are no text. */
const fixedBytesMax = 128;

/** Undefined for what this shape cannot hold. */
function encodeStart(batch: Batch, body: StatementStart, prefix: Buffer, time: EpochMs): number | undefined {
  const protocol = protocols.indexOf(body.protocol);
  const transaction = transactions.indexOf(body.transaction);
  if (protocol === -1 || transaction === -1 || body.sqlText !== undefined || body.attributes !== undefined) {
    return undefined;
  }
  writer.begin(batch, startBytesMax(body, prefix));
  start(shapes.start, time);
  writer.raw(prefix);
  writer.number(body.statement);
  writer.byte(protocol);
  writer.byte(transaction);
  const flagsAt = writer.at;
  writer.short(0);
  let flags = 0;
  if (body.sql !== undefined) {
    flags |= startFlags.sql;
    writer.text(body.sql);
  }
  if (body.redacted !== undefined) {
    flags |= startFlags.redacted;
    writer.number(body.redacted);
  }
  if (body.statements !== undefined) {
    flags |= startFlags.statements;
    writer.number(body.statements);
  }
  if (body.statementName !== undefined) {
    flags |= startFlags.statementName;
    writer.text(body.statementName);
  }
  if (body.portal !== undefined) {
    flags |= startFlags.portal;
    writer.text(body.portal);
  }
  if (body.parameters !== undefined) {
    flags |= startFlags.parameters;
    writeParameters(body.parameters);
  }
  flags |= writeRareStart(body);
  batch.view.setUint16(flagsAt, flags, true);
  return writer.at;
}

/** Fields that few statements have. Returns the flags of those that are there. */
function writeRareStart(body: StatementStart): number {
  let flags = 0;
  if (body.parametersOmitted !== undefined) {
    flags |= startFlags.parametersOmitted;
    writer.number(body.parametersOmitted);
  }
  if (body.functionOID !== undefined) {
    flags |= startFlags.functionOID;
    writer.number(body.functionOID);
  }
  if (body.rowLimit !== undefined) {
    flags |= startFlags.rowLimit;
    writer.number(body.rowLimit);
  }
  if (body.continues !== undefined) {
    flags |= startFlags.continues;
    writer.number(body.continues);
  }
  if (body.user !== undefined) {
    flags |= startFlags.user;
    writer.text(body.user);
  }
  if (body.encoding !== undefined) {
    flags |= startFlags.encoding;
    writer.string(body.encoding);
  }
  if (body.notices !== undefined) {
    flags |= startFlags.notices;
    writer.int(body.notices.length);
    for (const notice of body.notices) {
      writer.string(notice);
    }
  }
  if (body.database !== undefined) {
    flags |= startFlags.database;
    writer.text(body.database);
  }
  return flags;
}

function writeParameters(parameters: readonly Parameter[]): void {
  writer.int(parameters.length);
  for (const { type, format, value, text } of parameters) {
    writer.number(type);
    writer.byte(format === "text" ? 0 : 1);
    if (text !== undefined) {
      writer.byte(textTags.reference);
      writer.number(text.text);
      writer.number(text.bytes);
    }
    if (value === null) {
      writer.byte(textTags.null);
    } else {
      writer.text(value);
    }
  }
}

function startBytesMax(body: StatementStart, prefix: Buffer): number {
  let bytes = entryStartBytes + fixedBytesMax + prefix.length;
  bytes += body.sql === undefined ? 0 : textBytesMax(body.sql);
  bytes += body.statementName === undefined ? 0 : textBytesMax(body.statementName);
  bytes += body.portal === undefined ? 0 : textBytesMax(body.portal);
  bytes += body.user === undefined ? 0 : textBytesMax(body.user);
  bytes += body.encoding === undefined ? 0 : textBytesMax(body.encoding);
  bytes += body.database === undefined ? 0 : textBytesMax(body.database);
  for (const notice of body.notices ?? []) {
    bytes += textBytesMax(notice);
  }
  for (const { value } of body.parameters ?? []) {
    bytes += 27 + (value === null ? 0 : textBytesMax(value));
  }
  return bytes;
}

/** Undefined for what this shape cannot hold. */
function encodeEnd(batch: Batch, body: StatementEnd, prefix: Buffer, time: EpochMs): number | undefined {
  const outcome = outcomes.indexOf(body.outcome);
  const transaction = body.transaction === undefined ? 0 : transactions.indexOf(body.transaction);
  if (outcome === -1 || transaction === -1 || body.results !== undefined) {
    return undefined;
  }
  writer.begin(batch, endBytesMax(body, prefix));
  start(shapes.end, time);
  writer.raw(prefix);
  writer.number(body.statement);
  writer.byte(outcome);
  writer.byte(transaction);
  const flagsAt = writer.at;
  writer.short(0);
  writer.number(body.bytesToClient);
  writer.number(body.bytesFromClient);
  writer.number(body.durationMs);
  let flags = body.transaction === undefined ? 0 : endFlags.transaction;
  if (body.tag !== undefined) {
    flags |= endFlags.tag;
    writer.string(body.tag);
  }
  if (body.rows !== undefined) {
    flags |= endFlags.rows;
    writer.number(body.rows);
  }
  if (body.sqlState !== undefined) {
    flags |= endFlags.sqlState;
    writer.string(body.sqlState);
  }
  if (body.message !== undefined) {
    flags |= endFlags.message;
    writer.text(body.message);
  }
  if (body.suspended !== undefined) {
    flags |= endFlags.suspended;
    writer.byte(body.suspended ? 1 : 0);
  }
  flags |= writeMySQLEnd(body);
  batch.view.setUint16(flagsAt, flags, true);
  return writer.at;
}

/** Fields that only MySQL and MariaDB tell. Returns the flags of those that are there. */
function writeMySQLEnd(body: StatementEnd): number {
  let flags = 0;
  if (body.errno !== undefined) {
    flags |= endFlags.errno;
    writer.number(body.errno);
  }
  if (body.affectedRows !== undefined) {
    flags |= endFlags.affectedRows;
    writer.number(body.affectedRows);
  }
  if (body.lastInsertID !== undefined) {
    flags |= endFlags.lastInsertID;
    writer.string(body.lastInsertID);
  }
  if (body.warnings !== undefined) {
    flags |= endFlags.warnings;
    writer.number(body.warnings);
  }
  if (body.info !== undefined) {
    flags |= endFlags.info;
    writer.text(body.info);
  }
  return flags;
}

function endBytesMax(body: StatementEnd, prefix: Buffer): number {
  let bytes = entryStartBytes + fixedBytesMax + prefix.length;
  bytes += body.tag === undefined ? 0 : textBytesMax(body.tag);
  bytes += body.sqlState === undefined ? 0 : textBytesMax(body.sqlState);
  bytes += body.message === undefined ? 0 : textBytesMax(body.message);
  bytes += body.lastInsertID === undefined ? 0 : textBytesMax(body.lastInsertID);
  bytes += body.info === undefined ? 0 : textBytesMax(body.info);
  return bytes;
}
