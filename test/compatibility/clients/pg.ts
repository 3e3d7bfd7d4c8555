import { createHash } from "node:crypto";
import { once } from "node:events";
import pg from "pg";
import { failure, step, target, untilRunning } from "./steps.ts";

const { name, ...at } = target();
const table = `${name}_t`;
const hash = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");

async function connect(): Promise<pg.Client> {
  const opened = new pg.Client({ ...at, ssl: false });
  await opened.connect();
  return opened;
}

let client = await connect();
const rows = async (query: string | pg.QueryConfig, values?: unknown[]): Promise<unknown> =>
  (await client.query({ ...(typeof query === "string" ? { text: query } : query), rowMode: "array" }, values)).rows;

await step("connect", () =>
  rows("select current_user, current_setting('client_encoding'), current_setting('server_version')"),
);
await step("simple query", () => rows("select 6 * 7, 'text', null, 'ünï—🚪'"));
await step("parameters", () =>
  rows(
    "select $1::text, $2::text, $3::int, $4::bigint, $5::numeric, $6::float8, $7::bool, $8::bytea, $9::timestamptz, $10::int[], $11::json",
    [
      null,
      "it's ünï—🚪 \\ \n",
      -7,
      "9007199254740993",
      "12345678901234567890.123456789",
      0.1,
      true,
      Buffer.from([0, 1, 39, 92, 255]),
      new Date(Date.UTC(2026, 1, 3, 4, 5, 6, 789)),
      [1, 2, 3],
      { a: [null, "ü"] },
    ],
  ),
);
await step("prepared statement", async () => {
  const results = [];
  for (const value of [1, 2, null]) {
    results.push(await rows({ name: "twice", text: "select $1::int * 2" }, [value]));
  }
  return results;
});
await step("error and going on", async () => [
  await failure(client.query("selec 1")),
  await failure(client.query("select 1 / $1::int", [0])),
  await rows("select 1"),
]);
await step("transaction", async () => {
  await client.query(`create table ${table} (n int primary key, t text)`);
  await client.query("begin");
  await client.query(`insert into ${table} values ($1, $2)`, [1, "gone"]);
  await client.query("rollback");
  await client.query("begin");
  await client.query(`insert into ${table} values (2, 'kept')`);
  await client.query("savepoint s");
  const failed = [
    await failure(client.query(`insert into ${table} values (2, 'twice')`)),
    await failure(client.query("select 1")),
  ];
  await client.query("rollback to s");
  await client.query("commit");
  return [failed, await rows(`select * from ${table}`)];
});
await step("several statements", async () => {
  const results = (await client.query(
    "select 1 as a; select 'x;y' as b; create temp table z (n int); insert into z values (1), (2)",
  )) as unknown;
  return [
    (results as pg.QueryResult[]).map(({ command, rowCount, rows: found }) => [command, rowCount, found]),
    await failure(client.query("select 1; select 1 / 0; select 2")),
  ];
});
await step("large result", async () => {
  const found = await rows("select n, repeat('x', n % 100) from generate_series(1, 50000) n");
  return [(found as unknown[]).length, hash(found)];
});
await step("large parameter", () => rows("select length($1), md5($1)", ["ü".repeat(1_500_000)]));
await step("cursor", async () => {
  const query = new pg.Query({
    text: "select n from generate_series(1, 1000) n",
    rows: 100,
    rowMode: "array",
  } as pg.QueryConfig);
  let count = 0;
  query.on("row", () => (count += 1));
  client.query(query);
  await once(query, "end");
  return count;
});
await step("cancel", async () => {
  const query = new pg.Query("select pg_sleep(60)");
  const failed = once(query, "error");
  client.query(query);
  await untilRunning("select pg_sleep(60)");
  const canceller = new pg.Client({ ...at, ssl: false }) as unknown as { cancel(of: pg.Client, query: pg.Query): void };
  canceller.cancel(client, query);
  const [error] = (await failed) as [{ code: string; message: string }];
  return [error.code, error.message, await rows("select 1")];
});
await step("notifications", async () => {
  const heard = once(client, "notification");
  await client.query("listen news");
  const other = await connect();
  await other.query("select pg_notify('news', $1)", ["ünï"]);
  await other.end();
  const [message] = (await heard) as [pg.Notification];
  return [message.channel, message.payload];
});
await step("notices", async () => {
  const heard = once(client, "notice");
  await client.query("do $$ begin raise notice 'look %', 1; end $$");
  const [notice] = (await heard) as [{ message: string }];
  return notice.message;
});
await step("reconnect", async () => {
  await client.end();
  client = await connect();
  return rows(`select count(*) from ${table}`);
});
client.on("error", () => {});
await step("very large parameter", () => rows("select length($1)", ["ü".repeat(9_000_000)]));
await client.end();
