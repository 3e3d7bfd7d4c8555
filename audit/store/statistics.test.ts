import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { openBody } from "../testing/bodies.ts";
import { testChain, wholeSession } from "../testing/chains.ts";
import { bucketsMax, statisticsStatementsMax } from "./statistics.ts";
import { AuditStore } from "./store.ts";

let directory: string;
let store: AuditStore;

beforeEach(async () => {
  directory = mkdtempSync(`${tmpdir()}/statistics-`);
  store = await AuditStore.open({ path: `${directory}/audit.db`, clock: manualClock() });
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

const day = { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z", bucketSeconds: 3_600 };

it("are made of so many statements at most, and of no more", async () => {
  await store.ingest("default/main", "t1", testChain().write(...wholeSession("a", 1)));
  fill(statisticsStatementsMax - 1);

  const most = await store.statistics({}, day);
  fill(1);

  expect(most.buckets.map(({ statements }) => statements)).toEqual([1, statisticsStatementsMax - 1]);
  await expect(store.statistics({}, day)).rejects.toMatchObject({ code: "TooManyStatements" });
  // A text that is nowhere would be looked for in all of them.
  await expect(store.statistics({ text: "nowhere" }, day)).rejects.toMatchObject({ code: "TooManyStatements" });
});

it("of a short range do not look at what lies outside of it", async () => {
  await store.ingest("default/main", "t1", testChain().write(...wholeSession("a", 1)));
  fill(statisticsStatementsMax + 1);

  const range = { from: "2026-01-01T00:00:00Z", to: "2026-01-01T00:30:00Z", bucketSeconds: 60 };

  expect((await store.statistics({}, range)).buckets).toEqual([{ bucket: 0, statements: 1, errors: 0, rows: 1 }]);
});

it.each([
  ["ends before it begins", { ...day, to: day.from }],
  ["is none", { ...day, from: "yesterday" }],
  ["has too many buckets", { ...day, bucketSeconds: Math.floor(86_400 / (bucketsMax + 1)) }],
  ["has buckets of no length", { ...day, bucketSeconds: 0 }],
])("are refused for a range that %s", async (_, range) => {
  await store.ingest("default/main", "t1", testChain().write(openBody("a")));

  await expect(store.statistics({}, range)).rejects.toThrow("no range for statistics");
});

/** Adds statements of the first session within the day's second hour, as ingest would, only faster. */
function fill(count: number): void {
  const database = new DatabaseSync(`${directory}/audit.db`);
  database.exec("BEGIN");
  const from = Number(database.prepare("SELECT max(statement) AS n FROM statements").get()?.["n"]) + 1;
  const insert = database.prepare(
    "INSERT INTO statements (session_id, statement, time, outcome, rows) VALUES (1, ?, '2026-01-01T01:00:00.000Z', 'ok', 1)",
  );
  for (let statement = from; statement < from + count; statement += 1) {
    insert.run(statement);
  }
  database.exec("COMMIT");
  database.close();
}
