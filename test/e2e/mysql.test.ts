import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Connection, createConnection } from "mysql2/promise";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { grantFile } from "#tools/demo/grant-file.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { mariadbMissing, startMariaDB } from "../harness/mariadb.ts";
import { mysqlMissing, startMySQL } from "../harness/mysql.ts";
import type { TestMySql } from "../harness/mysql-server.ts";
import { freePort } from "../harness/postgres.ts";
import { eventually, type SallyportProcess } from "../harness/process.ts";
import * as support from "./support.ts";

/** What `rds proxy --output json` says once the database can be used. */
interface Ready {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly engine: string;
  readonly username: string;
  readonly databaseName: string;
}

describe.each([
  { engine: "MariaDB", start: startMariaDB, missing: await mariadbMissing() },
  { engine: "MySQL", start: startMySQL, missing: await mysqlMissing() },
] as const)("a Grant on $engine in the folder", ({ engine, start, missing }) => {
  let installation: Installation;
  let server: TestMySql;
  let grantID: string;
  let proxy: SallyportProcess;
  let ready: Ready;

  beforeEach(({ skip }) => skip(missing !== undefined, missing));
  beforeAll(async () => {
    if (missing !== undefined) {
      return;
    }
    installation = await startInstallation({ mysql: start });
    server = installation.stock?.server as TestMySql;
    await untilProxyLinked(installation);
    await signInDirectly(installation, "ada");
    await signInDirectly(installation, "margaret");
    const grant = { name: "stock", person: "ada", database: "stock", role: "app_owner" };
    installation.writeManifest("grants/stock.yaml", grantFile(grant));
    grantID = await support.activeGrant(installation, "ada", "app_owner");
    ({ proxy, ready } = await connectAsAda(installation));
  });
  afterAll(() => installation?.stop());

  async function connected(change: object = {}): Promise<Connection> {
    const { host, port, username, databaseName } = ready;
    const client = await createConnection({
      host,
      port,
      user: username,
      password: "password",
      database: databaseName,
      ...change,
    });
    client.on("error", () => {});
    return client;
  }

  const running = (sql: string): Promise<true> =>
    eventually(`"${sql}" runs`, async () => {
      const rows = await server.query("select 1 from information_schema.processlist where info = ?", [sql]);
      return rows.length > 0 ? true : undefined;
    });

  it("is served on the local port with a connection string of its own", () => {
    expect(ready).toMatchObject({ engine, username: "app_owner", databaseName: "stock", host: "127.0.0.1" });
    expect(ready.url).toBe(`app_owner:password@tcp(127.0.0.1:${ready.port})/stock`);
  });

  it("opens the database, and each statement is recorded with its own outcome, rows and parameters", async () => {
    const client = await connected({ multipleStatements: true });

    const [items] = await client.query("select id from items order by id limit 3");
    await client.execute("select name from items where id < ? and name like ?", [10, "%no.%"]);
    await expect(client.query("select no_such_column from items")).rejects.toThrow("no_such_column");
    await client.query("update stock set pieces = 1 where item_id = 1; select 2");
    await client.query("create user reporting identified by 'never-in-the-trail'").catch(() => {});
    await client.end();

    expect(items).toHaveLength(3);
    const statements = await support.statementsOf(installation, grantID, 6);
    // A prepare is on record too, and runs nothing.
    const ran = statements.filter(({ outcome }) => outcome !== "not-executed");
    expect(ran).toMatchObject([
      { sql: "select id from items order by id limit 3", outcome: "ok", rows: 3 },
      { sql: expect.stringContaining("id < ?"), parameters: ["10", "%no.%"], outcome: "ok", rows: 9 },
      {
        sql: expect.stringContaining("no_such_column"),
        outcome: "error",
        sqlState: expect.stringMatching(/1054|42S22/),
      },
      { sql: expect.stringContaining("update stock"), outcome: "ok" },
      { sql: expect.stringContaining("create user reporting"), outcome: "error" },
    ]);
    expect(JSON.stringify(statements)).not.toContain("never-in-the-trail");
  });

  it("is used with the command line that is printed", async ({ skip }) => {
    const found = await promisify(execFile)("mysql", ["--version"]).catch(() => undefined);
    skip(found === undefined, "there is no mysql command line on this machine");

    const login = ["-u", ready.username, "-ppassword", "-h", "127.0.0.1", "-P", String(ready.port), ready.databaseName];
    const { stdout } = await promisify(execFile)("mysql", [...login, "-N", "-e", "select count(*) from items"]);

    expect(stdout.trim()).toBe("60");
  });

  it("refuses another user or another database in the database's own words", async () => {
    await expect(connected({ user: "root" })).rejects.toThrow(/user "root" is not what this grant is for.*app_owner/);
    await expect(connected({ database: "mysql" })).rejects.toThrow(
      /database "mysql" is not what this grant is for.*stock/,
    );
  });

  it("lets a query be cancelled as usual, by KILL QUERY from a second connection", async () => {
    const client = await connected();
    const waiting = client.query("select sleep(297) as slept").then(
      ([rows]) => rows,
      (error: Error) => error.message,
    );
    await running("select sleep(297) as slept");

    const other = await connected();
    await other.query(`kill query ${client.threadId}`);

    expect(JSON.stringify(await waiting)).toMatch(/"slept":1|interrupted/);
    await client.end();
    await other.end();
  });

  it("what its file's deletion ends: the statement, the transaction and the connection, with the reason", async () => {
    const client = await connected();
    await client.query("begin");
    await client.query("delete from stock");
    const failure = client.query("select sleep(298)").then(
      () => "it was not ended",
      (error: Error) => error.message,
    );
    await running("select sleep(298)");

    installation.deleteManifest("grants/stock.yaml");
    const code = await proxy.exited;

    expect(code).toBe(1);
    expect(await failure).toMatch(/revoked.*deleted/);
    await eventually("no connection of the person is left", async () => {
      const rows = await server.query("select 1 from information_schema.processlist where user = 'app_owner'");
      return rows.length === 0 ? true : undefined;
    });
    const [kept] = await server.query<{ n: number }>("select count(*) as n from stock");
    expect(Number(kept?.n)).toBe(60);
  });

  it("leaves a trail that verifies, and no password in any log, file or output", async () => {
    const report = await support.json(installation, "margaret", "audit", "verify");
    expect(report).toMatchObject({ verdict: "complete", findings: [] });

    const secrets = Object.values(installation.stock?.passwords ?? {});
    const { ecs } = installation.sandbox;
    const said = [...installation.controller().lines, ...proxy.lines, ...ecs.tasks().map((task) => ecs.logs(task.arn))];
    expect(secrets).toHaveLength(2);
    expect(said.filter((line) => secrets.some((secret) => line.includes(secret)))).toEqual([]);
    expect(support.filesContaining(installation.stateDirectory, secrets)).toEqual([]);
  });
});

async function connectAsAda(installation: Installation): Promise<{ proxy: SallyportProcess; ready: Ready }> {
  const port = await freePort();
  const way = ["--database", "stock", "--role", "app_owner", "--port", String(port), "--yes", "--output", "json"];
  const proxy = installation.run("ada", ["rds", "proxy", ...way]);
  const line = await proxy.line((text) => text.includes('"READY"'));
  return { proxy, ready: JSON.parse(line) as Ready };
}
