import { toUTF8 } from "./charset.ts";
import type { FieldReader } from "./fields.ts";
import { MySqlViolation } from "./violation.ts";

/** One bound value as a record shows it. `bytes` null is NULL; bytes that are not binary are text. */
export interface BoundValue {
  readonly binary: boolean;
  readonly bytes: Buffer | null;
  /** MariaDB's bulk execution: the column's default stands here, or nothing is changed. Then `bytes` is null. */
  readonly instead?: "default" | "ignore";
}

/** Field types that a client can bind (MySQL protocol, "enum_field_types"). */
export const fieldType = {
  decimal: 0,
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  null: 6,
  timestamp: 7,
  longlong: 8,
  date: 10,
  time: 11,
  datetime: 12,
  varchar: 15,
  bit: 16,
  json: 245,
  newDecimal: 246,
  enum: 247,
  set: 248,
  tinyBlob: 249,
  mediumBlob: 250,
  longBlob: 251,
  blob: 252,
  varString: 253,
  string: 254,
  geometry: 255,
} as const;

const known: ReadonlySet<number> = new Set(Object.values(fieldType));

export const nullValue: BoundValue = { binary: false, bytes: null };

/** Whether servers agree on how a value of this type is laid out. They do not on INT24, YEAR and internal types, which no driver sends. */
export function isBindable(type: number): boolean {
  return known.has(type);
}

/** Whether a value of this type may be sent by COM_STMT_SEND_LONG_DATA. */
export function isLongDataType(type: number): boolean {
  return type === fieldType.varchar || (type >= fieldType.tinyBlob && type <= fieldType.string);
}

/** Whether values of this type are bytes rather than text. */
function isBinary(type: number): boolean {
  return (
    (type >= fieldType.tinyBlob && type <= fieldType.blob) || type === fieldType.bit || type === fieldType.geometry
  );
}

const text = (value: string): BoundValue => ({ binary: false, bytes: Buffer.from(value, "latin1") });

/**
 * Reads one value that is not NULL (MySQL protocol, "Binary Protocol Value"), and renders it as a person would write it: numbers and
 * times as text, strings as UTF-8, blobs as they are. `charset` is character_set_client. Throws `MySqlViolation`.
 */
export function readValue(reader: FieldReader, type: number, isUnsigned: boolean, charset: string): BoundValue {
  switch (type) {
    case fieldType.tiny:
      return text(String(isUnsigned ? reader.int(1) : reader.bytes(1).readInt8(0)));
    case fieldType.short:
      return text(String(isUnsigned ? reader.int(2) : reader.bytes(2).readInt16LE(0)));
    case fieldType.long:
      return text(String(isUnsigned ? reader.int(4) : reader.bytes(4).readInt32LE(0)));
    case fieldType.longlong: {
      const bytes = reader.bytes(8);
      return text(String(isUnsigned ? bytes.readBigUInt64LE(0) : bytes.readBigInt64LE(0)));
    }
    case fieldType.float:
      return text(shortestFloat(reader.bytes(4).readFloatLE(0)));
    case fieldType.double:
      return text(String(reader.bytes(8).readDoubleLE(0)));
    case fieldType.date:
    case fieldType.datetime:
    case fieldType.timestamp:
      return text(readDate(reader, type === fieldType.date));
    case fieldType.time:
      return text(readTime(reader));
    case fieldType.null:
      throw new MySqlViolation("malformed packet: a value of type NULL that is not NULL");
    default:
      return longValue(reader.lengthEncodedBytes(), type, charset);
  }
}

/** A value that came in pieces, or behind its length: bytes, or text in the client's character set. */
export function longValue(bytes: Buffer, type: number, charset: string): BoundValue {
  return isBinary(type)
    ? { binary: true, bytes: Buffer.from(bytes) }
    : { binary: false, bytes: toUTF8(Buffer.from(bytes), charset) };
}

/** The shortest decimal that is the same single-precision number. */
function shortestFloat(value: number): string {
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) {
      return String(short);
    }
  }
  return String(value);
}

const pad = (value: number, digits: number): string => String(value).padStart(digits, "0");

const microseconds = (reader: FieldReader): string => `.${pad(reader.int(4), 6)}`;

/** Trailing parts that are zero are not sent: 0, 4, 7 or 11 bytes. */
function readDate(reader: FieldReader, isDate: boolean): string {
  const bytes = reader.int(1);
  if (bytes !== 0 && bytes !== 4 && bytes !== 7 && bytes !== 11) {
    throw new MySqlViolation("malformed packet: a date of an impossible length");
  }
  const date =
    bytes === 0 ? "0000-00-00" : `${pad(reader.int(2), 4)}-${pad(reader.int(1), 2)}-${pad(reader.int(1), 2)}`;
  if (isDate && bytes <= 4) {
    return date;
  }
  const time = bytes <= 4 ? "00:00:00" : `${pad(reader.int(1), 2)}:${pad(reader.int(1), 2)}:${pad(reader.int(1), 2)}`;
  return `${date} ${time}${bytes === 11 ? microseconds(reader) : ""}`;
}

/** 0, 8 or 12 bytes; days count as hours, as the server itself shows it. */
function readTime(reader: FieldReader): string {
  const bytes = reader.int(1);
  if (bytes === 0) {
    return "00:00:00";
  }
  if (bytes !== 8 && bytes !== 12) {
    throw new MySqlViolation("malformed packet: a time of an impossible length");
  }
  const sign = reader.int(1) === 0 ? "" : "-";
  const hours = reader.int(4) * 24 + reader.int(1);
  const time = `${sign}${pad(hours, 2)}:${pad(reader.int(1), 2)}:${pad(reader.int(1), 2)}`;
  return bytes === 12 ? time + microseconds(reader) : time;
}
