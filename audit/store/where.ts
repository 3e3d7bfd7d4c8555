import type { AuditFilter, EventFilter, TailFilter } from "./types.ts";

/** A condition in SQL with its values. */
export interface Where {
  readonly sql: string;
  readonly values: (string | number)[];
}

/** Tables are named `s` (sessions), `t` (tasks) and, where given, a column holds the time. */
export function sessionWhere(filter: AuditFilter, timeColumn: string): Where {
  return and([
    equals("s.grant_id", filter.grantID),
    equals("s.user_name", filter.userName),
    equals("s.database", filter.database),
    equals("s.session", filter.session),
    equals("t.proxy", filter.proxy),
    filter.from === undefined ? undefined : { sql: `${timeColumn} >= ?`, values: [canonicalTime(filter.from)] },
    filter.to === undefined ? undefined : { sql: `${timeColumn} < ?`, values: [canonicalTime(filter.to)] },
  ]);
}

/** Adds the conditions on statements, table `st`. */
export function statementWhere(filter: AuditFilter): Where {
  return and([sessionWhere(filter, "st.time"), statementOnly(filter)]);
}

/**
 * Conditions on records, table `r`, of any kind but pieces of large texts and events, which only `kinds` asks for; those on a statement
 * leave only records of statements.
 */
export function tailWhere(filter: TailFilter): Where {
  const { from: _from, to: _to, ...rest } = filter;
  const kinds = filter.kinds;
  return and([
    sessionWhere(rest, ""),
    statementOnly(filter),
    kinds === undefined
      ? { sql: "coalesce(r.kind, '') NOT IN ('statement.text', 'event')", values: [] }
      : { sql: `r.kind IN (${kinds.map(() => "?").join(", ") || "NULL"})`, values: [...kinds] },
  ]);
}

/** Conditions on events, table `e`. */
export function eventWhere({ grantID, names }: EventFilter): Where {
  return and([
    equals("e.grant_id", grantID),
    names === undefined
      ? undefined
      : { sql: `e.event IN (${names.map(() => "?").join(", ") || "NULL"})`, values: [...names] },
  ]);
}

function statementOnly(filter: AuditFilter): Where {
  return and([
    equals("st.outcome", filter.outcome),
    filter.text === undefined || filter.text === ""
      ? undefined
      : { sql: "instr(lower(st.sql), lower(?)) > 0", values: [filter.text] },
  ]);
}

/** Times are compared as text, so they must have the form that records have. Throws `RangeError` for what is no time. */
function canonicalTime(time: string): string {
  return new Date(time).toISOString();
}

function equals(column: string, value: string | undefined): Where | undefined {
  return value === undefined ? undefined : { sql: `${column} = ?`, values: [value] };
}

function and(parts: readonly (Where | undefined)[]): Where {
  const given = parts.filter((part) => part !== undefined && part.sql !== "1");
  return {
    sql: given.map((part) => part?.sql).join(" AND ") || "1",
    values: given.flatMap((part) => part?.values ?? []),
  };
}
