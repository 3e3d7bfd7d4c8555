import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, it } from "vitest";
import { inlineCharactersMax, splitStart } from "#audit/large-text.ts";
import { AuditStore } from "#audit/store/store.ts";
import { endBody, openBody, startBody } from "#audit/testing/bodies.ts";
import { testChain } from "#audit/testing/chains.ts";
import { collect } from "#audit/testing/collect.ts";
import { manualClock } from "#lib/clock.ts";
import { type AuditKeeping, auditReader } from "./audit-trail.ts";
import type { AuditReader } from "./services.ts";

const sql = `select '${"ö".repeat(3 * inlineCharactersMax)}'`;
const { pieces, start } = splitStart(startBody("a", 1, { sql }), () => 1, new Map());

let directory: string;
let store: AuditStore;
let reader: AuditReader;

beforeEach(async () => {
  directory = mkdtempSync(`${tmpdir()}/trail-`);
  store = await AuditStore.open({ path: `${directory}/audit.db`, clock: manualClock() });
  reader = auditReader({ store, databaseKey: (name) => `default/${name}` } as Partial<AuditKeeping> as AuditKeeping);
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

it("tells where a large text is, gives it piece by piece and says when that was all", async () => {
  await store.ingest("default/main", "t1", testChain().write(openBody("a"), ...pieces, start, endBody("a", 1)));

  const { items } = await reader.search({}, { after: 0, limit: 10, order: "newest" });
  const lines = await collect(reader.text({ session: "a" }, items[0]?.sqlText?.text ?? 0));

  expect(lines.map((line) => ("data" in line ? line.data : "")).join("")).toBe(sql);
  expect(lines.at(-1)).toEqual({ complete: true, bytes: Buffer.byteLength(sql) });
});

it("does not call a text complete that is not", async () => {
  const records = testChain().write(openBody("a"), ...pieces, start);
  await store.ingest(
    "default/main",
    "t1",
    records.filter((_, index) => index !== 2),
  );

  await expect(collect(reader.text({ session: "a" }, 1))).rejects.toMatchObject({ code: "TextIncomplete" });
});

it("gives no text of another session that has the same name", async () => {
  const own = { userName: "ana@example.com", userID: "u-1", exceptDatabases: [] };
  const bobs = openBody("a", { person: { userName: "bob", userID: "u-2" } });
  await store.ingest("default/main", "t1", testChain().write(openBody("a"), ...pieces, start));
  const other = splitStart(startBody("a", 1, { sql: sql.replace("select", "delete") }), () => 1, new Map());
  await store.ingest("other/main", "t2", testChain("other/main", "t2").write(bobs, ...other.pieces, other.start));

  const [first] = await collect(reader.text({ session: "a", visibleTo: { own, grants: [] } }, 1));

  expect(first).toEqual({ data: expect.stringMatching(/^select/) });
});

it("fills the empty steps of statistics", async () => {
  await store.ingest("default/main", "t1", testChain().write(openBody("a"), startBody("a", 1), endBody("a", 1)));
  const range = { from: "2026-01-01T00:00:00Z", to: "2026-01-01T00:00:03Z", bucketSeconds: 1 };

  const { since, buckets, slowest } = await reader.statistics({ database: "orders" }, range);

  expect(since).toBe("2026-01-01T00:00:00.000Z");
  expect(buckets.map(({ statements }) => statements)).toEqual([0, 0, 1]);
  expect(slowest).toMatchObject([{ sql: "select 1", durationMs: 1.5, outcome: "ok" }]);
});
