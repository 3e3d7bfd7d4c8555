import type { Client, Watch } from "./client.ts";
import type { Target } from "./clients/steps.ts";
import { start, untilRunning } from "./program.ts";

type Result = { result: unknown } | { error: string };

/** Each step is a script for a client of its own, which goes on after errors. `T` stands for the client's table. */
const scripts: Readonly<Record<string, string>> = {
  connect: "select current_user(), @@character_set_client, version();",
  "simple query": "select 6 * 7, 'text', null, 'ünï—🚪';",
  "prepared statement":
    "set @a = 21; prepare twice from 'select ? * 2'; execute twice using @a; deallocate prepare twice;",
  "error and going on": "selec 1;\nselect * from missing;\nselect 1;",
  transaction:
    "create table T (n int primary key, t text);\nbegin;\ninsert into T values (1, 'gone');\nrollback;\n" +
    "begin;\ninsert into T values (2, 'kept');\nsavepoint s;\ninsert into T values (2, 'twice');\nrollback to s;\ncommit;\nselect * from T;",
  "several statements":
    "delimiter //\nselect 1 as a; select 'x;y' as b//\nselect 1; select * from missing; select 2//\n",
  "stored procedure": "call two_sets(7);",
  "large result": "select n, repeat('x', n % 100) from numbers;",
  warnings: "warnings;\nselect cast('x' as signed);\nshow warnings;",
  describe: "show tables;\ndescribe customers;\nshow create table orders;\nhelp;\n",
  reconnect: "connect\nselect count(*) from T;",
};

/** The command line of MariaDB or of MySQL. */
export function mysqlClient(title: string, file: string): Client {
  return {
    title,
    async run(target, watch) {
      const steps = new Map<string, Result>();
      for (const [step, script] of Object.entries(scripts)) {
        const input = script.replaceAll(/\bT\b/g, `${target.name}_t`);
        const { code, stdout, stderr } = await start(file, [...flags(file, target), "--force", "--batch"], {
          input,
          env: secret(target),
        }).ended;
        const hasConnected = step !== "connect" || code === 0;
        steps.set(step, hasConnected ? { result: [code, stdout, stderr] } : { error: stderr.trim() });
      }
      return steps.set("cancel", await cancel(file, target, watch));
    },
  };
}

/** `--no-defaults` comes first, or it is not understood. */
export function flags(file: string, { host, port, user, database }: Target): string[] {
  const tls = file.includes("mariadb") ? ["--skip-ssl"] : ["--ssl-mode=DISABLED", "--get-server-public-key"];
  const at = [`--host=${host}`, `--port=${port}`, `--user=${user}`];
  return ["--no-defaults", "--protocol=tcp", "--default-character-set=utf8mb4", ...tls, ...at, database];
}

const secret = (target: Target): Record<string, string> => ({ MYSQL_PWD: target.password });

/** Control-C while a statement runs, as a person does it. */
async function cancel(file: string, target: Target, watch: Watch): Promise<Result> {
  const sql = `select sleep(60), '${target.name}'`;
  const running = start(file, [...flags(file, target), "-e", sql], { input: "", env: secret(target) });
  const seen = await Promise.race([untilRunning(sql, target, watch).then(() => true), running.ended.then(() => false)]);
  running.interrupt();
  const { code, stdout, stderr } = await running.ended;
  return seen ? { result: [code, stdout, stderr] } : { error: stderr.trim() };
}

/** The tables, views, triggers and procedures of the database: dumped, dropped, restored and dumped again, with the same result. */
export function mysqlDumpClient(title: string, dump: string, client: string): Client {
  return {
    title,
    async run(target) {
      const before = await dumped(dump, target);
      if ("error" in before) {
        return new Map<string, Result>([["bulk out", before]]);
      }
      const { code, stderr } = await start(client, flags(client, target), {
        input: String(before.result),
        env: secret(target),
      }).ended;
      const after = code === 0 ? await dumped(dump, target) : { error: stderr.trim() };
      const isSame = "result" in after && comparable(after) === comparable(before);
      return new Map<string, Result>([
        ["bulk out", { result: comparable(before) }],
        [
          "bulk in",
          isSame
            ? { result: "the same" }
            : "error" in after
              ? after
              : { error: "what was restored is not what was dumped" },
        ],
      ]);
    },
  };
}

const dumpedTables = ["digits", "customers", "orders", "open_orders"];

async function dumped(file: string, target: Target): Promise<Result> {
  const options = ["--single-transaction", "--routines", "--triggers", "--no-tablespaces", "--hex-blob"];
  const own = file.includes("mariadb") ? [] : ["--set-gtid-purged=OFF", "--column-statistics=0"];
  const args = [...flags(file, target).slice(0, -1), ...options, ...own, target.database, ...dumpedTables];
  const { code, stdout, stderr } = await start(file, args, { input: "", env: secret(target) }).ended;
  return code === 0 ? { result: stdout } : { error: stderr.trim() };
}

/** The dump without the moment that it was made, and what it says of where it came from. */
function comparable(dump: { result: unknown }): string {
  return String(dump.result)
    .replaceAll(/^-- (Dump completed|Host:).*\n/gm, "")
    .replaceAll(/AUTO_INCREMENT=\d+ /g, "");
}
