import { isDeepStrictEqual } from "node:util";
import type { KeptRecord } from "../../verify.ts";
import { verify, type Report } from "../../verify.ts";
import type { MoveSource } from "./source.ts";
import type { MoveStaging } from "./staging.ts";
import { type MovedTable, otherTables, recordsTable, type Row } from "./tables.ts";

/** Rows that are compared at a time: some megabytes. */
const pageRows = 500;

/** The copy is not what it was made of: a table, and the key of the row. */
export class MoveDiffers extends Error {
  constructor({ name, key }: MovedTable, row: Row | undefined) {
    super(`${name} ${key.map((column) => String(row?.[column])).join(", ")}`);
    this.name = "MoveDiffers";
  }
}

/** Verifies a trail where it comes from. */
export function verifySource(source: MoveSource, publicKey: string): Promise<Report> {
  return verify({
    records: recordsOf(pairs(source, undefined, recordsTable), tasksOf(source)),
    heads: source.heads,
    publicKey,
  });
}

/**
 * Verifies the copy, row by row beside what it was made of: every column of every table that a reader is shown, and what the signed heads say
 * of the records. Throws `MoveDiffers` at the first row that is not the same.
 */
export async function proveCopy(source: MoveSource, staging: MoveStaging, publicKey: string): Promise<Report> {
  for (const table of otherTables) {
    for await (const _ of pairs(source, staging, table)) {
      // Compared on the way.
    }
  }
  const records = recordsOf(pairs(source, staging, recordsTable), tasksOf(source));
  return verify({ records, heads: await staging.heads(), publicKey });
}

/** The rows of a table as SQLite has them, each compared with the copy where there is one. */
async function* pairs(
  source: MoveSource,
  staging: MoveStaging | undefined,
  table: MovedTable,
): AsyncGenerator<Row, void, void> {
  let after = table.key.map(() => -1);
  for (;;) {
    const rows = source.rows(table, after, pageRows);
    const copies = (await staging?.rows(table, after, pageRows)) ?? [];
    for (const [index, row] of rows.entries()) {
      const copy = copies[index];
      if (staging !== undefined && !isSame(table, staging.valuesOf(table, row), copy)) {
        throw new MoveDiffers(table, row);
      }
      // What is judged is what Postgres gave back.
      yield copy === undefined ? row : { ...row, bytes: copy["bytes"] };
    }
    if (copies.length > rows.length) {
      throw new MoveDiffers(table, copies[rows.length]);
    }
    const last = rows.at(-1);
    if (last === undefined) {
      return;
    }
    after = table.key.map((column) => Number(last[column]));
  }
}

function isSame({ columns }: MovedTable, wanted: readonly unknown[], copy: Row | undefined): boolean {
  return (
    copy !== undefined &&
    columns.every(({ name }, index) => {
      const [left, right] = [wanted[index], copy[name]];
      return left instanceof Uint8Array && right instanceof Uint8Array
        ? Buffer.compare(left, right) === 0
        : isDeepStrictEqual(left, right);
    })
  );
}

async function* recordsOf(
  rows: AsyncIterable<Row>,
  tasks: ReadonlyMap<unknown, { readonly proxy: string; readonly task: string }>,
): AsyncGenerator<KeptRecord, void, void> {
  for await (const row of rows) {
    const bytes = row["bytes"];
    yield {
      bytes: bytes instanceof Uint8Array ? bytes : new Uint8Array(),
      storeSeq: Number(row["store_seq"]),
      ...tasks.get(row["task_id"]),
    };
  }
}

function tasksOf(source: MoveSource): ReadonlyMap<unknown, { readonly proxy: string; readonly task: string }> {
  const [table] = otherTables;
  const rows = table === undefined ? [] : source.rows(table, [-1], Number.MAX_SAFE_INTEGER);
  return new Map(rows.map(({ id, proxy, task }) => [id, { proxy: String(proxy), task: String(task) }]));
}
