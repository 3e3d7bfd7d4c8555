import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditRecord } from "#audit/record.ts";
import { sessionsOf } from "#test/compatibility/account.ts";
import { clearLog, type Logged, loggingSettings, readLog } from "#test/compatibility/server-log.ts";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { eventually } from "#test/harness/process.ts";
import { grantsFor } from "../../bench/grants.ts";
import { type ProofInstallation, startInstallation } from "./installation.ts";
import { runLoad } from "./load.ts";
import { executionOf, executionsLogged } from "./postgres-account.ts";

/*
 * The whole proxy process dies under load, again and again, and goes on with the same spool. What the server logged is in the store of
 * the real controller, once. When it dies follows from the seed: FUZZ_SEED=… for other moments.
 */

const role = "read_only";
const password = `ro-${crypto.randomUUID()}`;
const grantOf = { Written: 0, Synced: 1, Remote: 2 } as const;
/** Answers of the server to all clients together after which the process is killed. */
const moments = [1, 2, 3].map((round) => 40 + ((fuzzSeed * round * 7_919) % 500));

let server: TestPostgres;
let installation: ProofInstallation;
let grants: ReturnType<typeof grantsFor>;

beforeAll(async () => {
  server = await startPostgres({
    settings: { ...loggingSettings, log_duration: "on" },
    initSQL: `create role ${role} login password '${password}'; create table done (id text); grant all on done to ${role};`,
  });
  const { port, database } = server;
  grants = grantsFor({ engine: "PostgreSQL", port, databaseName: database, username: role });
  installation = await startInstallation(grants, { caFile: server.caFile, password });
});
afterAll(async () => {
  await installation?.stop();
  await server?.stop();
});

const target = (port: number) => ({ port, user: role, database: server.database });
const idOf = (durability: keyof typeof grantOf): string => grants[grantOf[durability]]?.grantID ?? "";

/** Lets clients work until the moment, and kills. Resolves once the server has no backend of theirs any more. */
async function killUnderLoad(grantID: string, run: string, answers: number, onKill: () => void): Promise<void> {
  const proxy = await installation.startProxy(grantID);
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  let left = answers;
  const load = runLoad(target(proxy.port), run, () => (left -= 1) === 0 && resolve());
  await reached;
  onKill();
  await proxy.kill();
  await load;
  await eventually("the backends are gone", async () => {
    const found = await server.query("select 1 from pg_stat_activity where usename = $1", [role]);
    return found.length === 0 ? true : undefined;
  });
}

const ofRole = (log: readonly Logged[]): Logged[] =>
  log.filter(({ user, application }) => user === role && application !== "sallyport");

/** Each backend of the log, with what the trail says of it and what is not on record in its place. */
function backends(records: readonly AuditRecord[], log: readonly Logged[]) {
  const sessions = new Map(sessionsOf(records).map((session) => [session.connection, session.statements]));
  return [...Map.groupBy(log, ({ connection }) => connection)].map(([connection, entries]) => {
    // The proxy's own question about the session is its only function call.
    const logged = executionsLogged(entries.filter(({ kind }) => kind !== "function"));
    const recorded = (sessions.get(connection) ?? []).map(({ start, end }, at) => ({
      outcome: end?.outcome,
      execution: executionOf(start, end, logged[at]),
    }));
    const missing = logged.filter(({ text, parameters }, at) => {
      const told = recorded[at]?.execution;
      return JSON.stringify([told?.text, told?.parameters]) !== JSON.stringify([text, parameters]);
    });
    return { logged, recorded, missing };
  });
}

describe("a proxy process that is killed under load, again and again", () => {
  it.for(["Written", "Synced"] as const)(
    "has every statement that ran in the store once, by the same spool: %s",
    async (durability) => {
      const grantID = idOf(durability);
      await readLog(server);
      clearLog(server);
      const before = (await installation.stored()).length;

      for (const [round, answers] of moments.entries()) {
        await killUnderLoad(grantID, `${durability}.${round}`, answers, () => {});
      }
      const last = await installation.startProxy(grantID);
      const records = await eventually("all sessions are closed in the store", async () => {
        const found = (await installation.stored()).slice(before);
        const count = (kind: string): number => found.filter((record) => record.kind === kind).length;
        return count("session.open") === moments.length * 5 && count("session.close") === moments.length * 5
          ? found
          : undefined;
      });
      await last.kill();

      const told = backends(records, ofRole(await readLog(server)));
      expect(told.flatMap(({ missing }) => missing)).toEqual([]);
      // What is on record beyond the log was on its way when the proxy died.
      const beyond = told.flatMap(({ recorded, logged }) => recorded.slice(logged.length));
      expect(beyond.filter(({ outcome }) => outcome !== "unknown")).toEqual([]);
      const outcomes = told.flatMap(({ recorded }) => recorded.map(({ outcome }) => outcome));
      // Whether one was on its way at some death is that moment's affair.
      expect(["ok", "unknown"]).toEqual(expect.arrayContaining([...new Set(outcomes)]));
      expect(outcomes).toContain("ok");
      expect(outcomes.length).toBeGreaterThan(moments.reduce((sum, answers) => sum + answers, 0));
      const closes = records.filter((record) => record.kind === "session.close");
      expect(new Set(closes.map(({ reason }) => reason))).toEqual(new Set(["proxy-crashed"]));
      const seqs = records.map(({ seq }) => seq);
      expect(new Set(seqs).size).toBe(seqs.length);
      const report = await eventually("the heads are signed", async () => {
        const found = await installation.verify();
        return found.verdict === "complete" ? found : undefined;
      });
      expect(report).toMatchObject({ verdict: "complete", findings: [] });
    },
  );

  it("had every statement that ran in the store before it died: Remote", async () => {
    const grantID = idOf("Remote");
    for (const [round, answers] of moments.entries()) {
      await readLog(server);
      clearLog(server);

      // The controller stands still before the proxy dies, so that the store is what it was at that moment.
      await killUnderLoad(grantID, `Remote.${round}`, answers, () => installation.freezeController(true));

      const stored = await installation.stored();
      installation.freezeController(false);
      const log = ofRole(await readLog(server));
      expect(backends(stored, log).flatMap(({ missing }) => missing)).toEqual([]);
      expect(log.filter(({ kind }) => kind === "statement").length).toBeGreaterThan(answers);
    }
  });
});
