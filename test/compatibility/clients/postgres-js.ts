import { createHash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import postgres from "postgres";
import { failure, step, target, untilRunning } from "./steps.ts";

const { name, ...at } = target();
const table = `${name}_t`;
const hash = (value: unknown): string => createHash("sha256").update(JSON.stringify(value)).digest("hex");
const notices: string[] = [];
const connect = (): postgres.Sql =>
  postgres({
    ...at,
    username: at.user,
    ssl: false,
    max: 1,
    onnotice: (notice) => notices.push(notice["message"] ?? ""),
  });

let sql = connect();

await step("connect", () =>
  sql`select current_user, current_setting('client_encoding'), current_setting('server_version')`.values(),
);
await step("simple query", () => sql.unsafe("select 6 * 7, 'text', null, 'ünï—🚪'").simple().values());
await step("parameters", () =>
  sql`select ${null}::text, ${"it's ünï—🚪 \\ \n"}::text, ${-7}::int, ${"9007199254740993"}::bigint, ${"12345678901234567890.123456789"}::numeric,
    ${0.1}::float8, ${true}::bool, ${Buffer.from([0, 1, 39, 92, 255])}::bytea, ${new Date(Date.UTC(2026, 1, 3, 4, 5, 6, 789))}::timestamptz,
    ${[1, 2, 3]}::int[], ${{ a: [null, "ü"] } as never}::json`.values(),
);
await step("prepared statement", async () => {
  const results = [];
  for (const value of [1, 2, null]) {
    results.push(await sql`select ${value}::int * 2`.values());
  }
  return results;
});
await step("error and going on", async () => [
  await failure(sql`selec 1`),
  await failure(sql`select 1 / ${0}::int`),
  await sql`select 1`.values(),
]);
await step("transaction", async () => {
  await sql`create table ${sql(table)} (n int primary key, t text)`;
  const failed = await failure(
    sql.begin(async (inside) => {
      await inside`insert into ${sql(table)} values (1, 'gone')`;
      throw new Error("rolled back");
    }),
  );
  await sql.begin(async (inside) => {
    await inside`insert into ${sql(table)} values (2, 'kept')`;
    await inside.savepoint((deeper) => deeper`insert into ${sql(table)} values (2, 'twice')`).catch(() => {});
  });
  return [failed, await sql`select * from ${sql(table)}`.values()];
});
await step("several statements", async () => [
  await sql.unsafe("select 1 as a; select 'x;y' as b").simple(),
  await failure(sql.unsafe("select 1; select 1 / 0; select 2").simple()),
]);
await step("large result", async () => {
  const found = await sql`select n, repeat('x', n % 100) from generate_series(1, 50000) n`.values();
  return [found.length, hash(found)];
});
await step("large parameter", () =>
  sql`select length(${"ü".repeat(1_500_000)}::text), md5(${"ü".repeat(1_500_000)}::text)`.values(),
);
await step("bulk in", async () => {
  await sql`create table ${sql(`${name}_copy`)} (n int, t text)`;
  const into = await sql`copy ${sql(`${name}_copy`)} from stdin`.writable();
  await pipeline(Readable.from(Array.from({ length: 10_000 }, (_, n) => `${n}\tline ${n}\n`)), into);
  return sql`select count(*), sum(n), md5(string_agg(t, ',' order by n)) from ${sql(`${name}_copy`)}`.values();
});
await step("bulk out", async () => {
  const from = await sql`copy ${sql(`${name}_copy`)} to stdout`.readable();
  const digest = createHash("sha256");
  for await (const chunk of from) {
    digest.update(chunk as Buffer);
  }
  return digest.digest("hex");
});
await step("cursor", async () => {
  const sizes: number[] = [];
  await sql`select n from generate_series(1, 1000) n`.cursor(300, (part) => void sizes.push(part.length));
  return sizes;
});
await step("pipeline", async () =>
  Promise.all(Array.from({ length: 100 }, (_, n) => sql`select ${n}::int, ${name}::text`.values())),
);
await step("pipeline with an error", async () =>
  Promise.all([sql`select 1`.values(), failure(sql`select 1 / ${0}::int`), sql`select 3`.values()]),
);
await step("cancel", async () => {
  const running = sql`select pg_sleep(60)`.execute();
  const failed = failure(running);
  await untilRunning("select pg_sleep(60)");
  running.cancel();
  return [await failed, await sql`select 1`.values()];
});
await step("notifications", async () => {
  const heard = Promise.withResolvers<string>();
  const listening = await sql.listen("news_js", heard.resolve);
  await sql.notify("news_js", "ünï");
  const payload = await heard.promise;
  await listening.unlisten();
  return payload;
});
await step("notices", async () => {
  await sql`do $$ begin raise notice 'look %', 1; end $$`.simple();
  return notices.at(-1);
});
await step("reconnect", async () => {
  await sql.end();
  sql = connect();
  return sql`select count(*) from ${sql(table)}`.values();
});
await step("very large parameter", () => sql`select length(${"ü".repeat(9_000_000)}::text)`.values());
// The refusal of the last step has ended the connection, and then there is nothing whose end could be awaited.
await sql.end({ timeout: 1 });
