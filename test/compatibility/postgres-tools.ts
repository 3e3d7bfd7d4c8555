import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Client } from "./client.ts";
import type { Target } from "./clients/steps.ts";
import { start, type Steps } from "./program.ts";

type Result = { result: unknown } | { error: string };

/** pgbench: its set-up, which copies, and each of its query modes. */
export function pgbenchClient(title: string, file: string): Client {
  return {
    title,
    async run(target) {
      const steps = new Map<string, Result>();
      steps.set("bulk in", await whole(file, ["-i", "-s", "1", "-q"], target, () => "done"));
      for (const [mode, step] of [
        ["simple", "simple query"],
        ["extended", "parameters"],
        ["prepared", "prepared statement"],
      ] as const) {
        const args = ["-n", "-M", mode, "-c", "4", "-j", "2", "-t", "50"];
        steps.set(
          step,
          await whole(file, args, target, (said) => /transactions actually processed: (.*)/.exec(said)?.[1]),
        );
      }
      const pipeline =
        "\\startpipeline\nselect :aid;\nselect abalance from pgbench_accounts where aid = :aid;\n\\endpipeline\n";
      const script = `\\set aid random(1, 100000)\n${pipeline}`;
      const scriptFile = path.join(mkdtempSync(path.join(tmpdir(), "sallyport-pgbench-")), "pipeline.sql");
      writeFileSync(scriptFile, script);
      const args = ["-n", "-M", "extended", "-t", "50", "-f", scriptFile];
      steps.set(
        "pipeline",
        await whole(file, args, target, (said) => /transactions actually processed: (.*)/.exec(said)?.[1]),
      );
      rmSync(path.dirname(scriptFile), { recursive: true });
      return steps;
    },
  };
}

/**
 * pg_dump of a schema, and its restore by psql: the schema is dumped, dropped, restored and dumped again, and both dumps are the same.
 * The text of the dump is the result, so it is also the same as without the proxy.
 */
export function dumpClient(title: string, dump: string, psql: string): Client {
  return {
    title,
    async run(target) {
      const before = await dumped(dump, target);
      if ("error" in before) {
        return new Map<string, Result>([["bulk out", before]]);
      }
      const input = `set client_min_messages = warning;\ndrop schema shop cascade;\n${String(before.result)}`;
      const restored = await whole(psql, ["-X", "-q", "-v", "ON_ERROR_STOP=1"], target, () => "done", input);
      const after = "error" in restored ? restored : await dumped(dump, target);
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
      ]) satisfies Steps;
    },
  };
}

const dumped = (dump: string, target: Target): Promise<Result> =>
  whole(dump, ["-n", "shop", "--no-comments"], target, (_said, stdout) => stdout);

/** The dump without its lock against hostile servers and its columns' versions, which are others in each run and database. */
function comparable(dump: { result: unknown }): string {
  return String(dump.result)
    .replaceAll(/^\\(un)?restrict .*\n/gm, "")
    .replaceAll(/pg_attver=\d+/g, "pg_attver=N");
}

/** Runs a tool of libpq to its end. */
async function whole(
  file: string,
  args: readonly string[],
  target: Target,
  read: (said: string, stdout: string) => unknown,
  input?: string,
): Promise<Result> {
  const { host, port, user, password, database, name } = target;
  const env = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGDATABASE: database,
    PGPASSWORD: password,
    PGAPPNAME: name,
  };
  const { code, stdout, stderr } = await start(file, args, { env, input: input ?? "" }).ended;
  return code === 0
    ? { result: read(`${stdout}\n${stderr}`, stdout) }
    : { error: stderr.trim().split("\n").slice(-3).join(" ⏎ ") };
}
