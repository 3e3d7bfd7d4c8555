import type { WeekStarts } from "./week-starts.ts";
import { storable } from "../postgres/rows.ts";

/** A row as either store gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** A column of the table in Postgres: the type of its values, and what it holds for a row of SQLite's. */
interface MovedColumn {
  readonly name: string;
  readonly type: "bigint" | "integer" | "text" | "bytea" | "boolean" | "float8";
  of(row: Row, weeks: WeekStarts): unknown;
}

/** A table whose rows are moved as they are. Both stores have it, with the same numbers for the same rows. */
export interface MovedTable {
  readonly name: string;
  /** Numbers that order its rows and tell them apart. */
  readonly key: readonly string[];
  /** What SQLite is asked for. */
  readonly from: string;
  readonly columns: readonly MovedColumn[];
}

type Kind = MovedColumn["type"];

/** Columns that both have, by their type in Postgres. */
function same(columns: Readonly<Record<string, Kind>>): MovedColumn[] {
  return Object.entries(columns).map(([name, type]) => ({ name, type, of: (row) => asStored(type, row[name]) }));
}

function asStored(type: Kind, value: unknown): unknown {
  if (value === null || value === undefined) {
    return null;
  }
  if (type === "boolean") {
    return value === 1;
  }
  return typeof value === "string" ? storable(value) : value;
}

/** The week of the record at the position that a row has under one of the names, of the first that has one. */
function week(name: string, ...positions: readonly string[]): MovedColumn {
  const positionOf = (row: Row): unknown => positions.map((position) => row[position]).find((value) => value !== null);
  return {
    name,
    type: "integer",
    of: (row, weeks) => {
      const position = positionOf(row);
      return typeof position === "number" ? weeks.weekAt(position) : null;
    },
  };
}

/** Where the first and last record of a session are; a session that lost all of its records to retention counts as of the beginning. */
const sessionsWithPlaces = `(SELECT s.*,
    coalesce((SELECT min(r.store_seq) FROM records r WHERE r.session_id = s.id), 0) AS first_seq,
    coalesce((SELECT max(r.store_seq) FROM records r WHERE r.session_id = s.id), 0) AS last_seq
  FROM sessions s)`;

/** A statement is in the week of the earlier of its records. */
const statementsWithPlace =
  "(SELECT *, min(coalesce(start_seq, end_seq), coalesce(end_seq, start_seq)) AS first_seq FROM statements)";

/** The records: first, since the weeks of all other rows follow from theirs. */
export const recordsTable: MovedTable = {
  name: "records",
  key: ["store_seq"],
  from: "records",
  columns: [
    ...same({ store_seq: "bigint" }),
    week("week", "store_seq"),
    ...same({
      task_id: "integer",
      position: "bigint",
      session_id: "bigint",
      kind: "text",
      statement: "bigint",
      received: "bigint",
      flag: "text",
      bytes: "bytea",
    }),
  ],
};

/** All tables but the records, each after those that it refers to. */
export const otherTables: readonly MovedTable[] = [
  {
    name: "tasks",
    key: ["id"],
    from: "tasks",
    columns: same({
      id: "integer",
      proxy: "text",
      task: "text",
      seq: "bigint",
      chain_seq: "bigint",
      chain_head: "text",
    }),
  },
  {
    name: "sessions",
    key: ["id"],
    from: sessionsWithPlaces,
    columns: [
      ...same({ id: "bigint", task_id: "integer", session: "text" }),
      week("week", "first_seq"),
      week("last_week", "last_seq"),
      ...same({
        session_seq: "bigint",
        head: "text",
        statements: "bigint",
        grant_id: "text",
        user_name: "text",
        user_id: "text",
        database: "text",
        engine: "text",
        database_name: "text",
        role_name: "text",
        username: "text",
        open_time: "text",
        close_time: "text",
        close_reason: "text",
      }),
    ],
  },
  {
    name: "statements",
    key: ["id"],
    from: statementsWithPlace,
    columns: [
      ...same({ id: "bigint" }),
      week("week", "first_seq"),
      ...same({ session_id: "bigint", statement: "bigint", start_seq: "bigint" }),
      week("start_week", "start_seq"),
      ...same({ end_seq: "bigint" }),
      week("end_week", "end_seq"),
      ...same({ time: "text", outcome: "text", duration_ms: "float8", rows: "bigint", sql: "text" }),
    ],
  },
  {
    name: "findings",
    key: ["id"],
    from: "findings",
    columns: same({
      id: "bigint",
      task_id: "integer",
      seq: "bigint",
      received: "bigint",
      kind: "text",
      detail: "text",
    }),
  },
  {
    name: "hazards",
    key: ["id"],
    from: "hazards",
    columns: same({ id: "bigint", session_id: "bigint", statement: "bigint", hazard: "text", refused: "boolean" }),
  },
  {
    name: "texts",
    key: ["session_id", "text", "piece"],
    from: "texts",
    columns: [
      ...same({ session_id: "bigint", text: "bigint", piece: "bigint", store_seq: "bigint" }),
      week("week", "store_seq"),
    ],
  },
  {
    name: "events",
    key: ["store_seq"],
    from: "events",
    columns: [
      ...same({ store_seq: "bigint" }),
      week("week", "store_seq"),
      ...same({ event: "text", grant_id: "text" }),
    ],
  },
];

/** Tables whose numbers Postgres gives out itself from now on. */
export const numberedTables = ["tasks", "sessions", "statements", "findings", "hazards"] as const;
