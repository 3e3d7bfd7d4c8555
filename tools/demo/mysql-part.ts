import { readFileSync } from "node:fs";
import { createConnection } from "mysql2/promise";
import type { Installation } from "#test/harness/installation.ts";
import { mariadbMissing, startMariaDB } from "#test/harness/mariadb.ts";
import { mysqlMissing, startMySQL } from "#test/harness/mysql.ts";
import type { StartMySql, StockDatabase } from "#test/harness/organisation.ts";
import { freePort } from "#test/harness/postgres.ts";
import { eventually, type SallyportProcess } from "#test/harness/process.ts";
import type { Hand } from "./hand.ts";
import type { Screen } from "./screen.ts";
import type { Story } from "./story.ts";

const grant = { name: "ada-stock", person: "ada", database: "stock", role: "app_owner" };

/** The server of the MySQL family that this machine has; MariaDB first, which starts faster. */
export async function mysqlAtHand(): Promise<{ readonly start: StartMySql } | { readonly missing: string }> {
  const noMariaDB = await mariadbMissing();
  if (noMariaDB === undefined) {
    return { start: startMariaDB };
  }
  const noMySQL = await mysqlMissing();
  return noMySQL === undefined ? { start: startMySQL } : { missing: `${noMariaDB}; ${noMySQL}` };
}

/** The same story on a database of the MySQL family: a Grant, a client, a trail, an end. Ada is signed in already. */
export async function tellMySql(installation: Installation, hand: Hand, story: Story, screen: Screen): Promise<void> {
  const { stock } = installation;
  if (stock === undefined) {
    return;
  }
  const { engine } = stock.server;
  screen.title(`The same on ${engine}`);
  await story.step(hand.declares(grant), () => hand.declare(grant));
  const port = await freePort();
  const way = ["--database", "stock", "--role", "app_owner", "--port", String(port), "--yes"];
  const proxy = installation.run("ada", ["rds", "proxy", ...way], (line) => screen.quote("ada", line));
  await story.step("the CLI serves it on the local port", () =>
    proxy.line((line) => line.includes("connection string")),
  );
  await runQueries(installation, stock, port, story);
  await endAccess(hand, stock, { port, proxy }, story, screen);
}

async function runQueries(
  installation: Installation,
  { server }: StockDatabase,
  port: number,
  story: Story,
): Promise<void> {
  const sent = ["select count(*) as n from items", "select * from no_such_table"];
  const prepared = "select name from items where price > ? order by price desc limit 3";
  await story.step("real queries run through 127.0.0.1, one of them prepared", async () => {
    const client = await connect(port);
    const [rows] = await client.query(sent[0] ?? "");
    const count = (rows as { n: number }[])[0]?.n;
    story.prove("real data came back", Number(count) === 60, `${count} items, from ${server.engine}`);
    await client.execute(prepared, [50]);
    await client.query(sent[1] ?? "").catch(() => {});
    await client.end();
  });
  await story.step("the trail agrees with what the server itself logged", async () => {
    const search = installation.run("margaret", ["audit", "search", "--database", "stock", "--output", "json"]);
    await search.exited;
    const { items } = JSON.parse(search.lines.join("\n")) as { items: { sql: string; parameters?: string[] }[] };
    const logged = readFileSync(server.generalLogFile, "utf8");
    const recorded = items.map(({ sql }) => sql);
    const agrees = [...sent, prepared].every((sql) => recorded.includes(sql) && logged.includes(sql));
    story.prove("trail and general log agree", agrees, `${items.length} records, general log of ${server.engine}`);
    const bound = items.find(({ sql, parameters }) => sql === prepared && parameters !== undefined);
    story.prove("bound values are on record", bound?.parameters?.join() === "50", `${bound?.parameters?.join()}`);
  });
}

async function endAccess(
  hand: Hand,
  { server }: StockDatabase,
  { port, proxy }: { readonly port: number; readonly proxy: SallyportProcess },
  story: Story,
  screen: Screen,
): Promise<void> {
  const client = await connect(port);
  const seen: string[] = [];
  await story.step("a write transaction is open, and a query in it is running", async () => {
    await client.query("begin");
    await client.query("delete from stock");
    void client.query("select sleep(300)").catch((error: Error) => seen.push(error.message));
    await eventually("the query runs", async () => {
      const sql = "select 1 from information_schema.processlist where info = 'select sleep(300)'";
      return (await server.query(sql)).length > 0 ? true : undefined;
    });
  });
  await story.step(`${hand.withdraws(grant)}; the client is told why`, async () => {
    await hand.withdraw(grant);
    const reason = await eventually("the client sees the reason", () => seen[0]);
    screen.quote("ada", reason);
    story.prove("the client of MySQL sees why", /grant|access|revoked/i.test(reason), reason);
    await proxy.exited;
  });
  await story.step("the connection is gone and the transaction rolled back", async () => {
    await eventually("the connection is gone", async () => {
      const sql = "select 1 from information_schema.processlist where user = 'app_owner'";
      return (await server.query(sql)).length === 0 ? true : undefined;
    });
    const [row] = await server.query<{ n: number }>("select count(*) as n from stock");
    story.prove("the deletion was rolled back", Number(row?.n) === 60, `${row?.n} of 60 rows are there`);
    await hand.untilGone(grant);
  });
}

async function connect(port: number): Promise<Awaited<ReturnType<typeof createConnection>>> {
  const way = { host: "127.0.0.1", port, user: "app_owner", password: "password", database: "stock" };
  const client = await createConnection(way);
  client.on("error", () => {});
  return client;
}
