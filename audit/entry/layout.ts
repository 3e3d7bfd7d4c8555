import type { Outcome, StatementEnd, StatementProtocol, StatementStart, TransactionState } from "../record.ts";

/**
 * An entry is one record's body as the journal keeps it until it is linked. Little-endian: version (8 bit), shape (8 bit), time
 * (64-bit float, epoch milliseconds), then by shape. Entries never leave the task's storage: a new version of this software reads
 * its own entries only.
 *
 * Shape `json`: the body as canonical JSON. Shapes `start` and `end` are for the two kinds that a statement costs: session
 * (16-bit length, UTF-8), statement (64-bit float), enumerations (8 bit each, places in the lists below), flags of what is
 * present (16 bit), then what is present, in the order of the flags.
 */
export const entryVersion = 1;
/** Version, shape, time. */
export const entryStartBytes = 10;

export const shapes = { json: 0, start: 1, end: 2 } as const;

/** Places are part of the format: append only. */
export const protocols = [
  "simple",
  "extended",
  "function-call",
  "copy",
  "command",
] as const satisfies readonly StatementProtocol[];
export const transactions = ["idle", "transaction", "failed"] as const satisfies readonly TransactionState[];
export const outcomes = [
  "ok",
  "error",
  "cancelled",
  "not-executed",
  "cut",
  "unknown",
] as const satisfies readonly Outcome[];

/** `always`: in every entry of the shape. `json`: a body that has it is kept as JSON. A number: its flag. */
type FieldFlags<T> = Record<keyof T, number | "always" | "json">;

/** Fields of `statement.start`. One that is missing here does not compile: it would be lost. */
export const startFlags = {
  kind: "always",
  session: "always",
  statement: "always",
  protocol: "always",
  transaction: "always",
  sql: 1,
  redacted: 2,
  statements: 4,
  statementName: 8,
  portal: 16,
  parameters: 32,
  parametersOmitted: 64,
  functionOID: 128,
  rowLimit: 256,
  continues: 512,
  user: 1024,
  encoding: 2048,
  notices: 4096,
  database: 8192,
  sqlText: "json",
  attributes: "json",
} as const satisfies FieldFlags<StatementStart>;

/** As `startFlags`. */
export const endFlags = {
  kind: "always",
  session: "always",
  statement: "always",
  outcome: "always",
  bytesToClient: "always",
  bytesFromClient: "always",
  durationMs: "always",
  transaction: 1,
  tag: 2,
  rows: 4,
  sqlState: 8,
  message: 16,
  suspended: 32,
  errno: 64,
  affectedRows: 128,
  lastInsertID: 256,
  warnings: 512,
  info: 1024,
  results: "json",
} as const satisfies FieldFlags<StatementEnd>;

/** Before a text: UTF-8 of a string; base64 as it is in the record; SQL NULL (a parameter's value only); in a `text` record. */
export const textTags = { utf8: 0, base64: 1, null: 2, json: 3, reference: 4 } as const;

/** Parameter formats, by place. */
export const formats = ["text", "binary"] as const;
