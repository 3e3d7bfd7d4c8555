import type { AuditFilter, EventFilter, TailFilter, VisibleTo } from "./types.ts";

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
    filter.open === undefined ? undefined : { sql: `s.close_time IS ${filter.open ? "" : "NOT "}NULL`, values: [] },
    filter.visibleTo === undefined ? undefined : visibleWhere(filter.visibleTo),
    filter.from === undefined ? undefined : { sql: `${timeColumn} >= ?`, values: [canonicalTime(filter.from)] },
    filter.to === undefined ? undefined : { sql: `${timeColumn} < ?`, values: [canonicalTime(filter.to)] },
  ]);
}

/** Whether the filter asks for something of the statements themselves, which no index answers. */
export function asksStatements(filter: AuditFilter): boolean {
  return statementOnly(filter).sql !== "TRUE";
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

/** Records, table `r`, of a grant's sessions and its events; all where none is named. */
export function ofGrant(grantID: string | undefined): Where {
  return grantID === undefined
    ? { sql: "TRUE", values: [] }
    : {
        sql: `(r.session_id IN (SELECT id FROM sessions WHERE grant_id = ?)
           OR r.store_seq IN (SELECT store_seq FROM events WHERE grant_id = ?))`,
        values: [grantID, grantID],
      };
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

/** Records without a session's opening belong to nobody that is known: they are for those who see everybody's. */
function visibleWhere({ own, grants, everybody }: VisibleTo): Where {
  const { userName, userID } = own;
  const mine: Where = { sql: "s.user_name = ? AND s.user_id = ?", values: [userName, userID] };
  const parts = [and([mine, noneOf(own.exceptDatabases)])];
  if (grants.length > 0) {
    parts.push({ sql: `s.grant_id IN (${marks(grants)})`, values: [...grants] });
  }
  if (everybody !== undefined) {
    parts.push(noneOf(everybody.exceptDatabases));
  }
  return {
    sql: `(${parts.map(({ sql }) => `(${sql})`).join(" OR ")})`,
    values: parts.flatMap(({ values }) => values),
  };
}

function noneOf(databases: readonly string[]): Where {
  return databases.length === 0
    ? { sql: "TRUE", values: [] }
    : { sql: `coalesce(s.database, '') NOT IN (${marks(databases)})`, values: [...databases] };
}

function marks(values: readonly string[]): string {
  return values.map(() => "?").join(", ");
}

function statementOnly(filter: AuditFilter): Where {
  return and([
    equals("st.outcome", filter.outcome),
    atLeast("st.duration_ms", filter.minDurationMs),
    atLeast("st.rows", filter.minRows),
    filter.text === undefined || filter.text === ""
      ? undefined
      : { sql: "instr(lower(st.sql), ?) > 0", values: [lowerASCII(filter.text)] },
  ]);
}

/** As SQLite's `lower` does it (sqlite.org/lang_corefunc.html#lower), and Postgres's with the collation "C". */
function lowerASCII(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Times are compared as text, so they must have the form that records have. Throws `RangeError` for what is no time. */
function canonicalTime(time: string): string {
  return new Date(time).toISOString();
}

function atLeast(column: string, value: number | undefined): Where | undefined {
  return value === undefined ? undefined : { sql: `${column} >= ?`, values: [value] };
}

function equals(column: string, value: string | undefined): Where | undefined {
  return value === undefined ? undefined : { sql: `${column} = ?`, values: [value] };
}

function and(parts: readonly (Where | undefined)[]): Where {
  const given = parts.filter((part) => part !== undefined && part.sql !== "TRUE");
  return {
    sql: given.map((part) => part?.sql).join(" AND ") || "TRUE",
    values: given.flatMap((part) => part?.values ?? []),
  };
}
