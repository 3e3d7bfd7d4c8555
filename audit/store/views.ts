import { decodeRecord } from "../codec.ts";
import type { AuditEngine, AuditRecord } from "../record.ts";
import { eventIn } from "../event/event-record.ts";
import type { Flag, SessionEntry, SessionOwner, StatementView, StoredEvent, TextPiece } from "./types.ts";

/** A row as SQLite gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** Columns that `ownerOf` reads. */
export const ownerColumns =
  "s.session, s.grant_id, s.user_name, s.user_id, s.database, s.database_name, s.engine, s.role_name, s.username";

/** Whose session it is. */
export function ownerOf(row: Row): SessionOwner {
  return {
    session: text(row["session"]),
    grantID: text(row["grant_id"]),
    userName: text(row["user_name"]),
    userID: text(row["user_id"]),
    database: text(row["database"]),
    databaseName: text(row["database_name"]),
    engine: text(row["engine"]) as AuditEngine | "",
    roleName: text(row["role_name"]),
    username: text(row["username"]),
  };
}

/** A session; reads `ownerColumns`, `proxy`, `task`, `open_time`, `close_time`, `close_reason`, `statements`, `first_seq`. */
export function sessionOf(row: Row): SessionEntry {
  return {
    ...ownerOf(row),
    proxy: text(row["proxy"]),
    task: text(row["task"]),
    statements: Number(row["statements"]),
    ...(row["open_time"] === null ? {} : { openTime: text(row["open_time"]) }),
    ...(row["close_time"] === null ? {} : { closeTime: text(row["close_time"]) }),
    ...(row["close_reason"] === null ? {} : { closeReason: text(row["close_reason"]) }),
    ...(typeof row["first_seq"] === "number" ? { firstSeq: row["first_seq"] } : {}),
  };
}

/**
 * A statement; reads `ownerColumns`, `proxy`, `task`, `statement`, `start_seq`, `end_seq`, and the bytes of both records as
 * `start_bytes` and `end_bytes`.
 */
export function statementOf(row: Row): StatementView {
  const start = recordIn(row["start_bytes"]);
  const end = recordIn(row["end_bytes"]);
  return {
    ...ownerOf(row),
    proxy: text(row["proxy"]),
    task: text(row["task"]),
    storeSeq: Math.max(Number(row["start_seq"] ?? 0), Number(row["end_seq"] ?? 0)),
    statement: Number(row["statement"]),
    ...(start?.kind === "statement.start" ? startFields(start) : {}),
    ...(end?.kind === "statement.end" ? endFields(end) : {}),
  };
}

/** An event; reads `id` and the record's `bytes`. */
export function eventOf(row: Row): StoredEvent {
  const record = recordIn(row["bytes"]);
  if (record?.kind !== "event") {
    throw new Error(`record ${String(row["id"])} of the audit store is not the event that it was`);
  }
  return { ...eventIn(record), storeSeq: Number(row["id"]) };
}

function startFields(start: Extract<AuditRecord, { kind: "statement.start" }>): Partial<StatementView> {
  const { time, protocol, sql, sqlText, redacted, statementName, parameters, parametersOmitted, notices } = start;
  return present({
    startTime: time,
    protocol,
    sql,
    sqlText,
    redacted,
    statementName,
    parameters,
    parametersOmitted,
    notices,
  });
}

function endFields(end: Extract<AuditRecord, { kind: "statement.end" }>): Partial<StatementView> {
  const { time, outcome, tag, rows, sqlState, message, suspended, results } = end;
  const { bytesToClient, bytesFromClient, durationMs, transaction } = end;
  const answer = { outcome, tag, rows, sqlState, message, suspended, results };
  return present({ endTime: time, ...answer, bytesToClient, bytesFromClient, durationMs, transaction });
}

/** Leaves out what is undefined, as the types want it. */
function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** The piece of a large text that stored bytes hold; undefined for bytes that hold none. */
export function pieceOf(bytes: unknown): TextPiece | undefined {
  const record = recordIn(bytes);
  if (record?.kind !== "statement.text") {
    return undefined;
  }
  const { index, data, whole } = record;
  return { index, data, ...(whole === undefined ? {} : { whole }) };
}

/** The record that stored bytes hold; undefined for bytes that are none. */
export function recordIn(bytes: unknown): AuditRecord | undefined {
  if (!(bytes instanceof Uint8Array)) {
    return undefined;
  }
  try {
    return decodeRecord(bytes);
  } catch {
    return undefined;
  }
}

/** Epoch milliseconds of a row as RFC 3339. */
export function timeOf(epochMs: unknown): string {
  return new Date(Number(epochMs)).toISOString();
}

/** A flag column. */
export function flagOf(value: unknown): { readonly flag?: Flag } {
  return typeof value === "string" ? { flag: value as Flag } : {};
}

/** A text column, empty for null. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
