import { createHash } from "node:crypto";
import mysql, { type Connection, type RowDataPacket } from "mysql2/promise";
import { failure, step, target, untilRunning } from "./steps.ts";

const { name, ...at } = target();
const table = `${name}_t`;
const hash = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");
const connect = (): Promise<Connection> =>
  mysql.createConnection({
    ...at,
    charset: "utf8mb4",
    multipleStatements: true,
    rowsAsArray: true,
    supportBigNumbers: true,
    timezone: "Z",
  });

let connection = await connect();
const query = async (sql: string, values?: unknown[]): Promise<unknown> => (await connection.query(sql, values))[0];
const execute = async (sql: string, values?: (string | number | Buffer | Date | null | boolean)[]): Promise<unknown> =>
  (await connection.execute(sql, values))[0];
const values = [
  null,
  "it's ünï—🚪 \\ \n",
  -7,
  "9007199254740993",
  "12345678901234567890.123456789",
  0.1,
  true,
  Buffer.from([0, 1, 39, 92, 255]),
  new Date(Date.UTC(2026, 1, 3, 4, 5, 6)),
];

await step("connect", () => query("select current_user(), @@character_set_client, version()"));
await step("simple query", () => query("select 6 * 7, 'text', null, 'ünï—🚪'"));
await step("parameters", async () => {
  await query(
    `create table ${name}_p (a text, b text, c int, d bigint, e decimal(40, 10), f double, g tinyint, h blob, i datetime)`,
  );
  await query(`insert into ${name}_p values (?, ?, ?, ?, ?, ?, ?, ?, ?)`, values);
  await execute(`insert into ${name}_p values (?, ?, ?, ?, ?, ?, ?, ?, ?)`, values);
  return [await query(`select * from ${name}_p`), await execute(`select * from ${name}_p where c = ?`, [-7])];
});
await step("prepared statement", async () => {
  const statement = await connection.prepare("select ? * 2");
  const results = [];
  for (const value of [1, 2, null]) {
    results.push((await statement.execute([value]))[0]);
  }
  await statement.close();
  return results;
});
await step("error and going on", async () => [
  await failure(query("selec 1")),
  await failure(execute("select * from missing where n = ?", [1])),
  await query("select 1"),
]);
await step("transaction", async () => {
  await query(`create table ${table} (n int primary key, t text)`);
  await connection.beginTransaction();
  await execute(`insert into ${table} values (?, ?)`, [1, "gone"]);
  await connection.rollback();
  await connection.beginTransaction();
  await query(`insert into ${table} values (2, 'kept')`);
  await query("savepoint s");
  const twice = await failure(query(`insert into ${table} values (2, 'twice')`));
  await query("rollback to s");
  await connection.commit();
  return [twice, await query(`select * from ${table}`)];
});
await step("several statements", async () => [
  await query("select 1 as a; select 'x;y' as b; create temporary table z (n int); insert into z values (1), (2)"),
  await failure(query("select 1; select * from missing; select 2")),
]);
await step("stored procedure", async () => [await query("call two_sets(7)"), await execute("call two_sets(?)", [8])]);
await step("large result", async () => {
  const found = (await query("select n, repeat('x', n % 100) from numbers")) as RowDataPacket[];
  return [found.length, hash(found)];
});
await step("large parameter", () =>
  query("select length(?), sha2(?, 256)", ["ü".repeat(1_500_000), "ü".repeat(1_500_000)]),
);
await step("very large parameter", () => execute("select length(?)", ["ü".repeat(9_000_000)]));
await step("bulk in", async () => {
  await query(`create table ${name}_copy (n int, t text)`);
  await query(`insert into ${name}_copy values ?`, [Array.from({ length: 10_000 }, (_, n) => [n, `line ${n}`])]);
  return query(`select count(*), sum(n) from ${name}_copy`);
});
await step("pipeline", async () =>
  Promise.all(Array.from({ length: 100 }, (_, n) => execute("select ?, 'many'", [n]))),
);
await step("cancel", async () => {
  const running = query("select sleep(60)").catch((error: { errno: number }) => error.errno);
  await untilRunning("select sleep(60)");
  const other = await connect();
  await other.query(`kill query ${connection.threadId}`);
  await other.end();
  return [await running, await query("select 1")];
});
await step("reset", async () => {
  await query("set @a = 1");
  const statement = await connection.prepare("select @a");
  const before = (await statement.execute([]))[0];
  await connection.reset();
  return [before, await query("select @a")];
});
await step("warnings", async () => [await query("select cast('x' as signed)"), await query("show warnings")]);
await step("reconnect", async () => {
  await connection.end();
  connection = await connect();
  return query(`select count(*) from ${table}`);
});
await connection.end();
