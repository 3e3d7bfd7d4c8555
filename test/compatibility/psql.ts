import type { Target } from "./clients/steps.ts";
import type { Client, Watch } from "./client.ts";
import { start, type Steps, untilRunning } from "./program.ts";

/** Each step is a script for a psql of its own. `T` stands for the client's table. */
const scripts: Readonly<Record<string, string>> = {
  connect: "select current_user, current_setting('client_encoding'), current_setting('server_version')",
  "simple query": "select 6 * 7, 'text', null, 'ünï—🚪'",
  "prepared statement":
    "prepare twice as select $1::int * 2; execute twice(1);\nexecute twice(2);\nexecute twice(null);\ndeallocate twice;",
  "error and going on": "selec 1;\nselect 1 / 0;\nselect 1;",
  transaction:
    "create table T (n int primary key, t text);\nbegin;\ninsert into T values (1, 'gone');\nrollback;\n" +
    "\\set ON_ERROR_ROLLBACK on\nbegin;\ninsert into T values (2, 'kept');\ninsert into T values (2, 'twice');\ncommit;\nselect * from T;",
  "several statements":
    "select 1 as a\\; select 'x;y' as b\\; create temp table z (n int);\nselect 1\\; select 1 / 0\\; select 2;",
  "large result": "select n, repeat('x', n % 100) from generate_series(1, 50000) n;",
  "bulk in":
    "create table T_copy (n int, t text);\n\\copy T_copy from pstdin with (format csv)\nselect count(*), sum(n) from T_copy;\n" +
    "copy T_copy from stdin;\nnot a number\tx\n\\.\n",
  "bulk out": "copy T_copy to stdout;\n\\copy (select n from T_copy limit 10) to pstdout\n",
  cursor: "\\set FETCH_COUNT 300\nselect n from generate_series(1, 1000) n;\n",
  notifications: "listen news_psql;\nselect pg_notify('news_psql', 'ünï');\nselect 1;",
  notices: "do $$ begin raise notice 'look %', 1; end $$;",
  describe: "\\d T\n\\dt shop.*\n\\df shop.*\n",
  reconnect: "\\c\nselect count(*) from T;",
};

/** What only psql 16 and newer can say, and 18 for pipelines. */
const newerScripts: Readonly<Record<string, string>> = {
  parameters: "select $1::text, $2::int, $3::bytea \\bind 'it''s ünï—🚪' -7 '\\\\x0001275cff' \\g\n",
  pipeline:
    "\\startpipeline\nselect $1::int \\bind 1 \\sendpipeline\nselect $1::int \\bind 2 \\sendpipeline\n\\syncpipeline\n\\flushrequest\n\\getresults\n\\endpipeline\n",
  "pipeline with an error":
    "\\startpipeline\nselect $1::int \\bind 1 \\sendpipeline\nselect 1 / $1::int \\bind 0 \\sendpipeline\nselect $1::int \\bind 3 \\sendpipeline\n\\endpipeline\nselect 4;\n",
};

/** psql, as the distribution's (15) or as Postgres 18's. */
export function psqlClient(title: string, file: string, isNewer: boolean): Client {
  return {
    title,
    async run(target, watch) {
      const steps = new Map<string, { result: unknown } | { error: string }>();
      for (const [step, script] of Object.entries({ ...scripts, ...(isNewer ? newerScripts : {}) })) {
        const { stdout, stderr, code } = await start(file, psqlArguments(target), {
          input: script.replaceAll(/\bT(?=\b|_copy)/g, `${target.name}_t`).replace("pstdin", "'/dev/null'"),
          env: environment(target),
        }).ended;
        steps.set(step, { result: [code, stdout, stderr] });
      }
      steps.set("cancel", { result: await cancel(file, target, watch) });
      return steps satisfies Steps;
    },
  };
}

function psqlArguments(target: Target): string[] {
  const at = `host=${target.host} port=${target.port} user=${target.user} dbname=${target.database}`;
  return [`${at} sslmode=prefer`, "-X", "-A", "-q"];
}

function environment(target: Target): Record<string, string> {
  return { PGPASSWORD: target.password, PGAPPNAME: target.name, PGCLIENTENCODING: "UTF8" };
}

/** Control-C while a statement runs, as a person does it. */
async function cancel(file: string, target: Target, watch: Watch): Promise<unknown> {
  const sql = `select pg_sleep(60), '${target.name}'`;
  const running = start(file, [...psqlArguments(target), "-c", sql], { env: environment(target), input: "" });
  await untilRunning(sql, target, watch);
  running.interrupt();
  const { code, stderr } = await running.ended;
  return [code, stderr];
}
