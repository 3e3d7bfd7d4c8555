import { afterAll, beforeAll, expect, it } from "vitest";
import type { ProxyStand } from "#test/proxy/harness.ts";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { eventually } from "#test/harness/process.ts";
import { openDoor } from "#test/compatibility/door.ts";
import { clearLog, loggingSettings, readLog } from "#test/compatibility/server-log.ts";
import { startMatrixStand } from "#test/compatibility/stand.ts";
import { driverParts } from "#tools/parts/drivers.ts";
import { isMissing } from "#tools/parts/part.ts";
import { accountsOf, differenceOf } from "./postgres-account.ts";
import { type Driver, pgDriver, postgresJsDriver, psycopgDriver, rawDriver } from "./postgres-drivers.ts";
import { secretMark, workload, workloadSQL } from "./postgres-workload.ts";

/*
 * The server's own log is the judge, and nothing is left to it: each execution that it logged, with its text, its values and how it
 * ended, is exactly one record, in its place, and each record of an execution is one in the log. Another seed: FUZZ_SEED=….
 */

const role = "app_owner";
const database = "proof";
const operations = 160;
const { python } = await driverParts();
const drivers: readonly { readonly title: string; readonly missing?: string; readonly run: Driver }[] = [
  { title: "pg", run: pgDriver },
  { title: "postgres", run: postgresJsDriver },
  isMissing(python)
    ? { title: "psycopg", missing: python.missing, run: () => Promise.resolve() }
    : { title: "psycopg", run: psycopgDriver(python) },
  { title: "messages without a driver", run: rawDriver },
];

let server: TestPostgres;
let stand: ProxyStand;

beforeAll(async () => {
  const password = `ao-${crypto.randomUUID()}`;
  server = await startPostgres({
    database,
    settings: { ...loggingSettings, log_duration: "on" },
    initSQL: `create role ${role} login password '${password}'; ${workloadSQL(role)}`,
  });
  stand = await startMatrixStand([server], password);
});
afterAll(async () => {
  await stand?.stop();
  await server?.stop();
});

async function untilRunning(sql: string): Promise<void> {
  const found = "select 1 from pg_stat_activity where state = 'active' and query = $1";
  await eventually(`"${sql}" runs`, async () => ((await server.query(found, [sql])).length > 0 ? true : undefined));
}

it.for(drivers.map((driver, at) => ({ ...driver, seed: fuzzSeed + at })))(
  "each execution that the server logged is one record with its text, values and outcome, and the other way round: $title",
  async ({ missing, run, seed }, context) => {
    if (missing !== undefined) {
      return context.skip(missing);
    }
    await readLog(server);
    clearLog(server);
    const { host, port } = server;
    const key = "default/orders-prod";
    const door = await openDoor(stand, {
      database: { key, engine: "PostgreSQL", host, port, databaseName: database, tlsMode: "VerifyFull" },
    });
    const target = { host, port: door.port, user: role, password: "none", database, name: "proof" };

    await run(target, workload(seed, operations), untilRunning);

    const records = await door.records((sql) => pgDriver(target, [{ do: "query", sql }], untilRunning));
    await door.stop();
    const log = (await readLog(server)).filter(({ user, application }) => user === role && application !== "sallyport");
    const accounts = accountsOf(records, log);
    expect(accounts.flatMap((account) => differenceOf(account) ?? [])).toEqual([]);
    expect(accounts.flatMap(({ logged }) => logged).length).toBeGreaterThan(operations / 2);
    expect(records.map((record) => JSON.stringify(record)).filter((json) => json.includes(secretMark))).toEqual([]);
  },
);
