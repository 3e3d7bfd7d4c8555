import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { testChain, wholeSession } from "../../testing/chains.ts";
import { collect } from "../../testing/collect.ts";
import { migrate, migrations, type RunSQL, schemaName } from "./schema.ts";
import { startStoreStand, type StoreStand } from "#test/harness/audit-postgres.ts";

let stand: StoreStand;

beforeAll(async () => {
  stand = await startStoreStand();
});
afterEach(() => stand.clear());
afterAll(() => stand.server.stop());

/** Runs migrations in one transaction. */
async function inTransaction(work: (run: RunSQL) => Promise<void>): Promise<void> {
  const { host, port, database, superuser: user, password, ca } = stand.server;
  const client = new pg.Client({ host, port, database, user, password, ssl: { ca } });
  await client.connect();
  try {
    await client.query("BEGIN");
    await work(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows);
    await client.query("COMMIT");
  } finally {
    await client.end();
  }
}

it("goes back on a filled store and forward again without losing a record", async () => {
  const store = await stand.open();
  await store.claim("one");
  const records = testChain().write(...wholeSession("a", 3));
  await store.ingest("default/main", "t1", records);

  for (let version = migrations.length - 1; version >= 1; version -= 1) {
    await inTransaction((run) => migrate(run, migrations, version));
  }
  const before = await stand.server.query(`SELECT version FROM ${schemaName}.version`);
  await store.claim("one");

  expect(before).toEqual([{ version: 1 }]);
  expect((await collect(store.raw())).map(({ bytes }) => Buffer.from(bytes))).toEqual(records);
  expect((await store.search({})).items).toHaveLength(3);
  expect(await store.acknowledged("default/main", "t1")).toBe(8);
});

it("leaves nothing of its own behind when everything is taken back", async () => {
  await inTransaction((run) => migrate(run));

  await inTransaction((run) => migrate(run, migrations, 0));

  const left = await stand.server.query(
    `SELECT relname FROM pg_class WHERE relnamespace = '${schemaName}'::regnamespace AND relkind IN ('r', 'p')`,
  );
  expect(left).toEqual([{ relname: "version" }]);
});

it("refuses a store of a newer release and leaves it as it was, and replicas that start at once do not disturb each other", async () => {
  const stores = await Promise.all([stand.open(), stand.open(), stand.open()]);
  await Promise.all(stores.map((store, index) => store.claim(`replica ${index}`)));
  await stand.server.query(`UPDATE ${schemaName}.version SET version = 99`);

  const claiming = stores[0]!.claim("older");

  await expect(claiming).rejects.toMatchObject({ code: "AuditStoreTooNew", next: expect.stringContaining("newer") });
  expect(await stand.server.query(`SELECT version FROM ${schemaName}.version`)).toEqual([{ version: 99 }]);
});
