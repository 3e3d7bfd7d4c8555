import {
  checkRange,
  ErrorCounts,
  statisticsListMax,
  statisticsStatementsMax,
  tooManyStatements,
} from "../statistics.ts";
import type { AuditFilter, StatisticsRange, TrailStatistics } from "../types.ts";
import { type Row, statementOf } from "../views.ts";
import { sessionWhere, statementWhere, type Where } from "../where.ts";

const tables = "statements st JOIN sessions s ON s.id = st.session_id JOIN tasks t ON t.id = s.task_id";

/** Records of errors in memory at once: some kilobytes each at most (audit/record.ts), so a few megabytes. */
export const errorsAtOnce = 2_000;

/** The same as over SQLite. `rowsOf` runs SQL with `?` for values; `statementQuery` selects what `statementOf` reads. */
export async function statistics(
  rowsOf: (sql: string, values: readonly unknown[]) => Promise<Row[]>,
  statementQuery: string,
  filter: AuditFilter,
  range: StatisticsRange,
): Promise<TrailStatistics> {
  checkRange(range);
  const asked = { ...filter, from: range.from, to: range.to };
  const { sql, values } = statementWhere(asked);
  // What is said of the statements themselves is not in an index: to find none, all of these would be read.
  const looked = sessionWhere(asked, "st.time");
  const [counted] = await rowsOf(
    `SELECT count(*) AS n FROM (SELECT 1 FROM ${tables} WHERE ${looked.sql} LIMIT ${statisticsStatementsMax + 1}) AS few`,
    looked.values,
  );
  if (Number(counted?.["n"]) > statisticsStatementsMax) {
    throw tooManyStatements();
  }
  const buckets = await rowsOf(
    `SELECT (floor(extract(epoch FROM st.time::timestamptz))::bigint - ?::bigint) / ?::bigint AS bucket, count(*) AS statements,
       sum(CASE WHEN st.outcome = 'error' THEN 1 ELSE 0 END) AS errors, sum(coalesce(st.rows, 0)) AS rows
     FROM ${tables} WHERE ${sql} GROUP BY bucket ORDER BY bucket`,
    [Math.floor(Date.parse(range.from) / 1_000), range.bucketSeconds, ...values],
  );
  const slowest = await rowsOf(
    `${statementQuery} WHERE ${sql} AND st.duration_ms IS NOT NULL ORDER BY st.duration_ms DESC LIMIT ?`,
    [...values, statisticsListMax],
  );
  return {
    buckets: buckets.map((row) => ({
      bucket: Number(row["bucket"]),
      statements: Number(row["statements"]),
      errors: Number(row["errors"]),
      rows: Number(row["rows"]),
    })),
    slowest: slowest.map(statementOf),
    errors: await errorsOf(rowsOf, statementWhere(asked)),
  };
}

/** Errors of the statements that match, read part by part: an answer may be made of 200,000, and four are made at a time. */
async function errorsOf(
  rowsOf: (sql: string, values: readonly unknown[]) => Promise<Row[]>,
  { sql, values }: Where,
): Promise<TrailStatistics["errors"]> {
  const counts = new ErrorCounts();
  let cursor: number | undefined = Number.MAX_SAFE_INTEGER;
  while (cursor !== undefined) {
    const rows: Row[] = await rowsOf(
      `SELECT st.id, x.bytes FROM ${tables} JOIN records x ON x.store_seq = st.end_seq AND x.week = st.end_week
       WHERE ${sql} AND st.outcome = 'error' AND st.id < ? ORDER BY st.id DESC LIMIT ?`,
      [...values, cursor, errorsAtOnce],
    );
    counts.add(rows);
    const last = rows.at(-1)?.["id"];
    cursor = rows.length < errorsAtOnce || last === undefined ? undefined : Number(last);
  }
  return counts.mostFrequent();
}
