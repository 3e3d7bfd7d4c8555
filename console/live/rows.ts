import type { StatementEvent } from "#wire/control-api.ts";

/** Where a row is in its log. Rows keep their number for as long as they are held; earlier ones have smaller numbers. */
interface Numbered {
  readonly id: number;
  /** Position of the record that made the row. */
  readonly storeSeq: number;
  /** RFC 3339, by the proxy's clock. */
  readonly time: string;
  readonly session: string;
  readonly userName: string;
  readonly database: string;
  readonly role: string;
}

/** One statement: its start and, once there, its end. */
export interface StatementRow extends Numbered, Partial<Omit<StatementEvent, keyof Numbered | "event">> {
  readonly kind: "statement";
  readonly key: string;
  readonly statement: number;
  /** Position of the newest record of it. */
  readonly lastSeq: number;
  /** When its end was recorded; absent while it runs. */
  readonly endTime?: string;
}

/** What is no statement and must be seen: where a session begins or ends, and where records are missing. */
export interface MarkRow extends Numbered {
  readonly kind: "session-open" | "session-close" | "gap";
  readonly message?: string;
}

export type Row = StatementRow | MarkRow;

/** Names a statement among all. */
export function statementKey({ session, statement }: { session: string; statement?: number }): string {
  return `${session}/${statement ?? 0}`;
}

/** Whether it has no outcome yet. */
export function isRunning(row: StatementRow): boolean {
  return row.outcome === undefined;
}

/** A row of a statement's first event. An end whose start is not known shows without its text. */
export function statementRow(id: number, event: StatementEvent): StatementRow {
  const { event: kind, storeSeq, ...fields } = event;
  return {
    ...fields,
    kind: "statement",
    id,
    storeSeq,
    lastSeq: storeSeq,
    key: statementKey(event),
    statement: event.statement ?? 0,
    ...(kind === "statement-end" ? { endTime: endTimeOf(event) } : {}),
  };
}

/** The row with what its end tells. */
export function endedRow(row: StatementRow, event: StatementEvent): StatementRow {
  const { event: _, storeSeq, time, sql = row.sql, parameters = row.parameters, ...fields } = event;
  return {
    ...row,
    ...fields,
    id: row.id,
    statement: row.statement,
    lastSeq: storeSeq,
    endTime: time,
    ...(sql === undefined ? {} : { sql }),
    ...(parameters === undefined ? {} : { parameters }),
  };
}

/** A row of an event that is no statement's. */
export function markRow(id: number, event: StatementEvent, kind: MarkRow["kind"]): MarkRow {
  const { storeSeq, time, session, userName, database, role, message } = event;
  return {
    kind,
    id,
    storeSeq,
    time,
    session,
    userName,
    database,
    role,
    ...(message === undefined ? {} : { message }),
  };
}

/** A search shows a statement in one piece, with its start's time: its end came `durationMs` later. */
function endTimeOf({ time, durationMs }: StatementEvent): string {
  const startMs = Date.parse(time);
  return durationMs === undefined || Number.isNaN(startMs) ? time : new Date(startMs + durationMs).toISOString();
}

/** Characters that a row holds in memory, roughly: its texts. */
export function charactersOf(row: Row): number {
  if (row.kind !== "statement") {
    return row.message?.length ?? 0;
  }
  const parameters = row.parameters?.reduce((sum, value) => sum + (value?.length ?? 0), 0) ?? 0;
  return (row.sql?.length ?? 0) + (row.message?.length ?? 0) + parameters;
}

/** Place of a row by its number, or of the first after it. Rows are in the order of their numbers, with holes where they are filtered. */
export function indexOf(rows: readonly Row[], id: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle] as Row).id < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
