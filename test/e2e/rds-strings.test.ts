import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { driverParts } from "#tools/parts/drivers.ts";
import { isMissing } from "#tools/parts/part.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { mariadbMissing, startMariaDB } from "../harness/mariadb.ts";
import { mysqlMissing, startMySQL } from "../harness/mysql.ts";
import { ended, repository, type SallyportProcess } from "../harness/process.ts";
import * as support from "./support.ts";

/** What `rds proxy --output json` says once a database can be used. */
interface Ready {
  readonly port: number;
  readonly print: Readonly<Record<string, string>>;
}
const kinds = ["url", "psql", "mysql", "mariadb", "jdbc", "go", "python", "node", "env", "json", "dbeaver"];

const parts = await driverParts();
const engines = [
  { engine: "MariaDB", start: startMariaDB, missing: await mariadbMissing() },
  { engine: "MySQL", start: startMySQL, missing: await mysqlMissing() },
] as const;

/** Runs a program in another process; not the synchronous form, since the sandbox that carries the tunnel lives in this one. */
async function run(
  file: string,
  args: readonly string[],
  options: object = {},
): Promise<{ code: number; text: string }> {
  const environment = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", LANG: "C.UTF-8" };
  const done = promisify(execFile)(file, args, { env: environment, ...options });
  return done.then(
    ({ stdout, stderr }) => ({ code: 0, text: `${stdout}${stderr}`.trim() }),
    (error: { code: number; stdout: string; stderr: string; message: string }) => ({
      code: error.code,
      text: `${error.stdout}${error.stderr}`.trim() || error.message,
    }),
  );
}
const shell = (line: string, options: object = {}) => run("sh", ["-c", line], options);
const hasProgram = async (name: string): Promise<boolean> => (await shell(`command -v ${name}`)).code === 0;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sallyport-strings-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Connects with a JDBC address and nothing else, as a GUI does, and runs one query. */
async function jdbc(address: string, sql: string): Promise<{ code: number; text: string }> {
  const source = path.join(folder, "Ask.java");
  writeFileSync(
    source,
    `public class Ask { public static void main(String[] args) throws Exception {
       try (var connection = java.sql.DriverManager.getConnection(args[0]);
            var rows = connection.createStatement().executeQuery(args[1])) {
         rows.next();
         System.out.println(rows.getString(1));
       } } }`,
  );
  const classPath = isMissing(parts.java) ? "" : parts.java.classPath;
  return run("java", ["-XX:TieredStopAtLevel=1", "-cp", classPath, source, address, sql]);
}

/** Gives Go's driver the string of the printed call; JSON's escapes are Go's, too. */
async function go(driver: string, call: string, sql: string): Promise<{ code: number; text: string }> {
  const literal = /(?<="mysql", |ctx, )".*(?=\)$)/.exec(call)?.[0] ?? '""';
  const folderOfPrograms = isMissing(parts.go) ? "" : parts.go.folder;
  return run(path.join(folderOfPrograms, "printed"), [driver, JSON.parse(literal) as string, sql]);
}

/**
 * The address and properties that DBeaver gives the JDBC driver for its command line, which the shell has read: `name=value` by `|`, `prop.` before
 * those of the driver (its source, DataSourceUtils), and the address of its driver definitions, `jdbc:postgresql://{host}:{port}/{database}`.
 */
async function dbeaverAddress(line: string, scheme: string): Promise<string> {
  const { text } = await shell(line.replace(/^dbeaver -con/, "printf %s"));
  const pairs = text.split("|").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]);
  const said = Object.fromEntries(pairs) as Record<string, string>;
  const properties = Object.entries(said).filter(([name]) => name.startsWith("prop."));
  const { host = "", port = "", database = "", user = "", password = "" } = said;
  const all = { user, password, ...Object.fromEntries(properties.map(([name, value]) => [name.slice(5), value])) };
  return `jdbc:${scheme}://${host}:${port}/${database}?${new URLSearchParams(all).toString()}`;
}

async function python(expression: string, sql: string, module: string): Promise<{ code: number; text: string }> {
  const script = `import ${module}\nc = ${expression}\nk = c.cursor()\nk.execute(${JSON.stringify(sql)})\nprint(k.fetchone()[0])`;
  return run(isMissing(parts.python) ? "" : parts.python.file, ["-c", script]);
}

/** What a person pastes into a program of Node. */
function node(module: string, expression: string, then: string): Promise<{ code: number; text: string }> {
  const script = `import ${module};\nconst client = ${expression};\n${then}\nawait client.end();`;
  return run(process.execPath, ["--input-type=module", "-e", script], { cwd: repository });
}

describe.each(engines)(
  "connections as they are printed, with a local password ($engine)",
  ({ engine, start, missing }) => {
    let installation: Installation;
    let cli: SallyportProcess;
    let orders: Ready;
    let stock: Ready;
    let password: string;

    beforeEach(({ skip }) => skip(missing !== undefined, missing));
    beforeAll(async () => {
      if (missing !== undefined) {
        return;
      }
      installation = await startInstallation({ mysql: start, sandbox: { delays: { identityCenterMs: 30 } } });
      await untilProxyLinked(installation);
      await signInDirectly(installation, "ada");
      const targets = ["--target", "orders:read_only", "--target", "stock:app_owner", "--port", "free", "--yes"];
      const shown = ["--local-password", "--show-password", "--print", kinds.join(","), "--output", "json"];
      cli = installation.run("ada", ["rds", "proxy", ...targets, ...shown]);
      const ready = async (database: string): Promise<Ready> =>
        JSON.parse(await cli.line((line) => line.includes('"READY"') && line.includes(`"${database}"`))) as Ready;
      [orders, stock] = await Promise.all([ready("orders"), ready("stock")]);
      const file = path.join(configuration(), "local-password");
      password = readFileSync(file, "utf8").trim();
    });
    afterAll(async () => {
      cli?.kill("SIGINT");
      await cli?.exited;
      await installation?.stop();
    });

    const configuration = (): string =>
      path.join(installation.environmentOf("ada")["HOME"] ?? "", ".config", "sallyport");
    const string = (ready: Ready, kind: string): string => ready.print[kind] ?? "";

    describe("PostgreSQL", () => {
      it("psql's, its password file's and its environment's", async ({ skip }) => {
        skip(!(await hasProgram("psql")), "psql is not installed");
        const sql = "-Atc 'select count(*) from customers'";
        const url = string(orders, "url").replace(`:${password}`, "");

        const answers = await Promise.all([
          shell(`${string(orders, "psql")} ${sql}`),
          shell(`PGPASSFILE=${path.join(configuration(), "pgpass")} psql "${url}" ${sql}`),
          shell(`${string(orders, "env")}\npsql ${sql}`),
        ]);

        expect(answers).toEqual(Array.from({ length: 3 }, () => ({ code: 0, text: "200" })));
        expect(statSync(path.join(configuration(), "pgpass")).mode & 0o077).toBe(0);
      });

      it("node-postgres's", async () => {
        const ask = "await client.connect(); console.log((await client.query('select 1 as one')).rows[0].one);";

        expect(await node('pg from "pg"', string(orders, "node"), ask)).toEqual({ code: 0, text: "1" });
      });

      it("psycopg's", async ({ skip }) => {
        skip(isMissing(parts.python), isMissing(parts.python) ? parts.python.missing : "");

        expect(await python(string(orders, "python"), "select count(*) from customers", "psycopg")).toEqual({
          code: 0,
          text: "200",
        });
      });

      it("pgx's, in Go", async ({ skip }) => {
        skip(isMissing(parts.go), isMissing(parts.go) ? parts.go.missing : "");

        expect(await go("pgx", string(orders, "go"), "select count(*)::text from customers")).toEqual({
          code: 0,
          text: "200",
        });
      });

      it("pgjdbc's, and DBeaver's, which gives that driver what its own command line says", async ({ skip }) => {
        skip(isMissing(parts.java), isMissing(parts.java) ? parts.java.missing : "");
        const sql = "select count(*) from customers";

        const answers = await Promise.all([
          jdbc(string(orders, "jdbc"), sql),
          jdbc(await dbeaverAddress(string(orders, "dbeaver"), "postgresql"), sql),
        ]);

        expect(answers).toEqual(Array.from({ length: 2 }, () => ({ code: 0, text: "200" })));
      });

      it("open nothing with another password, or with none", async () => {
        for (const wrong of ["password", "", `${password}x`]) {
          const client = new pg.Client({ connectionString: string(orders, "url").replace(password, wrong) });
          client.on("error", () => {});
          await expect(client.connect()).rejects.toThrow(
            /local password|client password must be a (non-empty )?string/,
          );
        }
        expect(cli.lines.join("\n")).not.toContain("session-open");
      });

      it("let a query be cancelled as usual", async () => {
        const client = new pg.Client({ connectionString: string(orders, "url") });
        await client.connect();
        const query = client.query("select pg_sleep(301)").catch((error: Error) => error.message);
        await support.running(installation, "select pg_sleep(301)");

        const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
        await support.sendCancel(orders.port, processID, secretKey);

        expect(await query).toMatch(/canceling statement/);
        await client.end();
      });
    });

    describe(engine, () => {
      const sql = "select count(*) from items";

      it("the command line's, its option file's and its environment's", async ({ skip }) => {
        const program = engine === "MariaDB" ? "mariadb" : "mysql";
        skip(!(await hasProgram(program)), `${program} is not installed`);
        const file = path.join(configuration(), "my.cnf");
        const bare = string(stock, program).replace(` -p'${password}'`, "").replace(program, "");

        const answers = await Promise.all([
          shell(`${string(stock, program)} -Ne '${sql}'`),
          shell(`${program} --defaults-extra-file=${file} ${bare} -Ne '${sql}'`),
          shell(`${string(stock, "env")}\n${program} -h $MYSQL_HOST -u $MYSQL_USER $MYSQL_DATABASE -Ne '${sql}'`),
        ]);

        expect(answers.map(({ text }) => text.split("\n").at(-1))).toEqual(["60", "60", "60"]);
        expect(statSync(file).mode & 0o077).toBe(0);
      });

      it("mysql2's", async () => {
        const ask = "console.log((await client.query('select 1 as one'))[0][0].one);";

        expect(await node('mysql from "mysql2/promise"', string(stock, "node"), ask)).toEqual({ code: 0, text: "1" });
      });

      it("PyMySQL's", async ({ skip }) => {
        skip(isMissing(parts.python), isMissing(parts.python) ? parts.python.missing : "");

        expect(await python(string(stock, "python"), sql, "pymysql")).toEqual({ code: 0, text: "60" });
      });

      it("go-sql-driver's", async ({ skip }) => {
        skip(isMissing(parts.go), isMissing(parts.go) ? parts.go.missing : "");

        expect(await go("mysql", string(stock, "go"), sql)).toEqual({ code: 0, text: "60" });
      });

      it("Connector/J's, and DBeaver's, which gives that driver what its own command line says", async ({ skip }) => {
        skip(isMissing(parts.java), isMissing(parts.java) ? parts.java.missing : "");
        // MariaDB's own driver is not at hand; Connector/J calls the same wish by another word.
        const asConnectorJ = (text: string): string => text.replace("sslMode=disable", "sslMode=DISABLED");

        const answers = await Promise.all([
          jdbc(asConnectorJ(string(stock, "jdbc").replace("jdbc:mariadb:", "jdbc:mysql:")), sql),
          jdbc(asConnectorJ(await dbeaverAddress(string(stock, "dbeaver"), "mysql")), sql),
        ]);

        expect(answers).toEqual(Array.from({ length: 2 }, () => ({ code: 0, text: "60" })));
      });

      it("open nothing with another password, or with none", async () => {
        for (const wrong of ["password", "", `${password}x`]) {
          const login = createConnection({
            host: "127.0.0.1",
            port: stock.port,
            user: "app_owner",
            database: "stock",
            password: wrong,
          });
          await expect(login).rejects.toThrow(/local password/);
        }
      });
    });

    it("are closed to other users of this computer, whatever they know", async ({ skip }) => {
      skip(process.getuid?.() !== 0, "only root can be another user for a moment");
      skip(!(await hasProgram("psql")), "psql is not installed");

      const { code, text } = await shell(`${string(orders, "psql")} -c 'select 1'`, { uid: 65_534, gid: 65_534 });

      expect(code).not.toBe(0);
      expect(text).toContain("this port belongs to another user of this computer");
    });

    it("do not show the password where nobody asked for it", async () => {
      const args = ["--target", "orders:read_only", "--port", "free", "--yes", "--local-password", "--print", "url"];
      const quiet = installation.run("ada", ["rds", "proxy", ...args]);
      await quiet.line((line) => line.includes("PGPASSFILE="));
      quiet.kill("SIGINT");

      expect(await ended(quiet)).toBe(0);
      expect(quiet.lines.join("\n")).not.toContain(password);
      expect(quiet.lines.join("\n")).toContain("postgresql://read_only@127.0.0.1:");
    });
  },
);
