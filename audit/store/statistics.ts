import type { DatabaseSync } from "node:sqlite";
import { UserError } from "#lib/errors.ts";
import type { Text } from "../text.ts";
import type { AuditFilter, StatementView, StatisticsRange, TrailStatistics } from "./types.ts";
import { recordIn, statementOf } from "./views.ts";
import { sessionWhere, statementWhere } from "./where.ts";

/**
 * Statements that one answer may be made of. SQLite looks at some 400,000 a second, and a search that comes meanwhile waits: this is half a
 * second. A busy person's day is some thousands; a day of everybody is asked for in parts, or of one database.
 */
export const statisticsStatementsMax = 200_000;
/** Buckets of one answer: a chart has no more columns than a screen has pixels. */
export const bucketsMax = 1_000;
/** Entries of each list of an answer. */
export const statisticsListMax = 20;

/** The statement that has more statements than one answer is made of. Both stores say it in the same words. */
export function tooManyStatements(): UserError {
  return new UserError("TooManyStatements", "there are too many statements in this range", {
    why: `statistics are made of ${statisticsStatementsMax} statements at most`,
    next: "Ask for a shorter range, or for one grant, session, database or person.",
  });
}

/** Checks a range. Throws `RangeError` for one that is none or has too many buckets. */
export function checkRange({ from, to, bucketSeconds }: StatisticsRange): void {
  const seconds = (Date.parse(to) - Date.parse(from)) / 1_000;
  if (!(seconds > 0) || !(bucketSeconds >= 1) || Math.ceil(seconds / bucketSeconds) > bucketsMax) {
    throw new RangeError(`no range for statistics: ${from} to ${to} by ${bucketSeconds} s`);
  }
}

const tables = "statements st JOIN sessions s ON s.id = st.session_id JOIN tasks t ON t.id = s.task_id";

/** What charts show of the statements that match and began within `range`. `statementQuery` selects what `statementOf` reads. */
export function statistics(
  database: DatabaseSync,
  statementQuery: string,
  filter: AuditFilter,
  range: StatisticsRange,
): TrailStatistics {
  checkRange(range);
  const asked = { ...filter, from: range.from, to: range.to };
  const { sql, values } = statementWhere(asked);
  // What is said of the statements themselves is not in an index: to find none, all of these would be read.
  const looked = sessionWhere(asked, "st.time");
  const counted = database
    .prepare(
      `SELECT count(*) AS n FROM (SELECT 1 FROM ${tables} WHERE ${looked.sql} LIMIT ${statisticsStatementsMax + 1})`,
    )
    .get(...looked.values);
  if (Number(counted?.["n"]) > statisticsStatementsMax) {
    throw tooManyStatements();
  }
  const buckets = database
    .prepare(
      `SELECT CAST((unixepoch(st.time) - ?) / ? AS INTEGER) AS bucket, count(*) AS statements,
         sum(CASE WHEN st.outcome = 'error' THEN 1 ELSE 0 END) AS errors, sum(coalesce(st.rows, 0)) AS rows
       FROM ${tables} WHERE ${sql} GROUP BY bucket ORDER BY bucket`,
    )
    .all(Math.floor(Date.parse(range.from) / 1_000), range.bucketSeconds, ...values);
  const slowest = database
    .prepare(`${statementQuery} WHERE ${sql} AND st.duration_ms IS NOT NULL ORDER BY st.duration_ms DESC LIMIT ?`)
    .all(...values, statisticsListMax);
  const errors = database
    .prepare(
      `SELECT (SELECT bytes FROM records WHERE store_seq = st.end_seq) AS bytes FROM ${tables}
       WHERE ${sql} AND st.outcome = 'error' ORDER BY st.id DESC`,
    )
    .iterate(...values);
  return {
    buckets: buckets.map((row) => ({
      bucket: Number(row["bucket"]),
      statements: Number(row["statements"]),
      errors: Number(row["errors"]),
      rows: Number(row["rows"]),
    })),
    slowest: slowest.map((row): StatementView => statementOf(row)),
    errors: new ErrorCounts().add(errors).mostFrequent(),
  };
}

/** Counts errors by SQLSTATE or error number, with as much in memory as there are different ones. */
export class ErrorCounts {
  readonly #found = new Map<string, { count: number; readonly message: Text }>();

  /** Counts rows whose `bytes` are the record of a statement's end, in the order in which the first of each gives its message. */
  add(rows: Iterable<Readonly<Record<string, unknown>>>): this {
    for (const row of rows) {
      const end = recordIn(row["bytes"]);
      if (end?.kind === "statement.end") {
        const code = end.sqlState ?? (end.errno === undefined ? "" : String(end.errno));
        const known = this.#found.get(code);
        if (known === undefined) {
          this.#found.set(code, { count: 1, message: end.message ?? "" });
        } else {
          known.count += 1;
        }
      }
    }
    return this;
  }

  /** The most frequent first. */
  mostFrequent(): TrailStatistics["errors"] {
    return [...this.#found]
      .map(([code, { count, message }]) => ({ code, count, message }))
      .sort((one, other) => other.count - one.count)
      .slice(0, statisticsListMax);
  }
}
