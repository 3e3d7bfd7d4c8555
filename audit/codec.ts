import { hash } from "node:crypto";
import { canonicalJSON, type CanonicalValue } from "./canonical.ts";
import { recordBytesMax, recordKinds, recordVersion } from "./record.ts";
import type { AuditRecord, RecordHash, RecordKind } from "./record.ts";

/** Bytes that are not a record of ours. */
export class RecordError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "RecordError";
  }
}

/** Encodes a record; the same record always gives the same bytes. The bytes are what is hashed, shipped and kept. */
export function encodeRecord(record: AuditRecord): Buffer {
  return Buffer.from(canonicalJSON(record as unknown as CanonicalValue), "utf8");
}

/** Hash that the next record of the chain carries. */
export function hashRecord(bytes: Uint8Array): RecordHash {
  return hash("sha256", bytes, "hex");
}

type FieldType = "string" | "number" | "object";

/** Fields that readers rely on, by kind. Everything else is optional and shown only where it is present. */
const requiredFields: Readonly<Record<RecordKind, Readonly<Record<string, FieldType>>>> = {
  "session.open": {
    session: "string",
    grantID: "string",
    person: "object",
    database: "string",
    engine: "string",
    databaseName: "string",
    roleName: "string",
    username: "string",
    chainSeq: "number",
  },
  "statement.text": { session: "string", text: "number", index: "number" },
  "statement.start": { session: "string", statement: "number", protocol: "string", transaction: "string" },
  "statement.end": {
    session: "string",
    statement: "number",
    outcome: "string",
    bytesToClient: "number",
    bytesFromClient: "number",
    durationMs: "number",
  },
  "session.close": { session: "string", reason: "string", backend: "string", counts: "object", chainSeq: "number" },
  gap: { count: "number", reason: "string", chainSeq: "number" },
  event: { event: "string", actor: "object", about: "object", chainSeq: "number" },
};

const hashPattern = /^[0-9a-f]{64}$/;
const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a record back. Throws `RecordError` for anything that is not one: wrong version, unknown kind, missing or
 * ill-typed fields, invalid UTF-8. Fields that this version does not know are kept.
 */
export function decodeRecord(bytes: Uint8Array): AuditRecord {
  if (bytes.byteLength > recordBytesMax) {
    throw new RecordError("the record is larger than any writer makes it");
  }
  const value = parse(bytes);
  if (!isObject(value) || value["v"] !== recordVersion) {
    throw new RecordError("the record has no version that this release reads");
  }
  const kind = recordKinds.find((known) => known === value["kind"]);
  if (kind === undefined) {
    throw new RecordError("the record's kind is unknown");
  }
  checkEnvelope(value);
  for (const [field, type] of Object.entries(requiredFields[kind])) {
    if (typeof value[field] !== type || value[field] === null) {
      throw new RecordError(`the record's ${field} is missing or not a ${type}`);
    }
  }
  return value as unknown as AuditRecord;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    throw new RecordError("the record is not JSON in UTF-8");
  }
}

function checkEnvelope(value: Readonly<Record<string, unknown>>): void {
  const wellFormed =
    isName(value["proxy"]) &&
    isName(value["task"]) &&
    isCount(value["seq"], 1) &&
    isCount(value["sessionSeq"], 0) &&
    (value["session"] === undefined || isName(value["session"])) &&
    typeof value["time"] === "string" &&
    timePattern.test(value["time"]) &&
    isHashOrNull(value["prev"]) &&
    (value["chainSeq"] === undefined || (isCount(value["chainSeq"], 1) && isHashOrNull(value["chainPrev"])));
  if (!wellFormed) {
    throw new RecordError("the record's envelope is malformed");
  }
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isCount(value: unknown, from: number): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= from;
}

function isHashOrNull(value: unknown): boolean {
  return value === null || (typeof value === "string" && hashPattern.test(value));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The record; undefined where the bytes are none. */
export function tryDecodeRecord(bytes: Uint8Array): AuditRecord | undefined {
  try {
    return decodeRecord(bytes);
  } catch {
    return undefined;
  }
}
