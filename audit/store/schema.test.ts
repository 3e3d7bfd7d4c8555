import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import { testChain, wholeSession } from "../testing/chains.ts";
import { collect } from "../testing/collect.ts";
import { trailPaths } from "../trail-directory.ts";
import { migrateStore } from "./migrate.ts";
import { migrate, migrations } from "./schema.ts";
import { AuditStore } from "./store.ts";

describe("migrate", () => {
  it("applies what is missing, once, and refuses a store of a newer release", () => {
    const database = new DatabaseSync(":memory:");

    migrate(database);
    migrate(database, [...migrations, { up: "CREATE TABLE later (a INTEGER) STRICT", down: "DROP TABLE later" }]);

    expect(database.prepare("SELECT count(*) AS n FROM later").get()).toEqual({ n: 0 });
    expect(() => migrate(database)).toThrow(UserError);
    database.close();
  });
});

it("goes back on a filled store and forward again without losing a record", async () => {
  const state = mkdtempSync(`${tmpdir()}/state-`);
  const { store: file } = trailPaths(state);
  const records = testChain().write(...wholeSession("a", 2));
  const before = await AuditStore.open({ path: file, clock: manualClock() });
  await before.ingest("default/main", "t1", records);
  await before.close();

  const versions = [await migrateStore({ path: state }, 1), await migrateStore({ path: state }, 3)];
  const after = await AuditStore.open({ path: file, clock: manualClock() });
  const kept = await collect(after.raw());
  const found = await after.search({ minDurationMs: 1 });
  await after.close();

  expect(versions).toEqual([migrations.length, 1]);
  expect(kept.map(({ bytes }) => Buffer.from(bytes))).toEqual(records);
  expect(found.items).toHaveLength(2);
  await expect(migrateStore({ path: `${state}/none` }, 1)).rejects.toMatchObject({ code: "NoTrail" });
  rmSync(state, { recursive: true });
});
