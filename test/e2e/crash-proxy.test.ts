import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SessionList, SessionView, StatementEvent, StatementList, VerifyReport } from "#wire/control-api.ts";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { ended, eventually, type SallyportProcess, within } from "../harness/process.ts";
import { isControllers } from "./kill-points.ts";
import * as support from "./support.ts";

/**
 * What the controller calls when a grant ends, from the moment at which it also tells the proxy. Terminating the session is not
 * among them: a connected CLI often has ended it before.
 */
const revokeCalls = ["DescribeSessions", "DeleteAccountAssignment", "TagResource", "DeletePermissionSet"];

let installation: Installation;
let api: ControlApi;

beforeAll(async () => {
  installation = await startInstallation({ sandbox: { delays: { identityCenterMs: 30 } } });
  api = controlApi(installation, "margaret");
  support.addOtherGrants(installation);
  await untilProxyLinked(installation);
  await signInDirectly(installation, "ada");
});

afterAll(() => installation?.stop());

/** A live grant of ada's with the CLI connected. */
async function connectedGrant(name: string): Promise<{ grantID: string; cli: SallyportProcess; url: string }> {
  installation.writeManifest(`grants/${name}.yaml`, support.grantManifest(name, "ada"));
  const { grantID } = await support.grantReaches(api, name, "Active");
  const { proxy: cli, url } = await support.connectAs(installation, "ada", "app_owner");
  return { grantID, cli, url };
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // A killed proxy shows as an error of the connection; the query that fails with it says so too.
  client.on("error", () => {});
  await client.connect();
  return client;
}

function killProxy(): void {
  const task = installation.sandbox.ecs.tasks().find(({ lastStatus }) => lastStatus === "RUNNING");
  expect(installation.sandbox.ecs.kill(task?.arn ?? "", "SIGKILL")).toBe(true);
}

/** The task's container runs again, in place. */
function restartedTimes(): number {
  return installation.sandbox.ecs.tasks().reduce((sum, { restartCount }) => sum + restartCount, 0);
}

/** A client whose transaction holds a change and runs a query that would go on for minutes. */
async function busyTransaction(url: string, query: string): Promise<void> {
  const client = await connected(url);
  await client.query("begin");
  await client.query("delete from order_lines");
  client.query(query).catch(() => {});
  await support.running(installation, query);
}

function noBackendLeft(): Promise<true> {
  return eventually("no backend of the role is left", async () => {
    const sql = "select 1 from pg_stat_activity where usename = 'app_owner'";
    return (await installation.postgres.query(sql)).length === 0 ? true : undefined;
  });
}

async function linesKept(): Promise<number> {
  const [row] = await installation.postgres.query<{ n: number }>("select count(*)::int as n from order_lines");
  return row?.n ?? 0;
}

/** Every statement of the grant once all its sessions are closed. */
async function closedTrail(
  grantID: string,
): Promise<{ statements: StatementEvent[]; sessions: readonly SessionView[] }> {
  const sessions = await eventually("all sessions of the grant are closed in the trail", async () => {
    const { items } = await api.get<SessionList>(`/v1/sessions?grantID=${grantID}`);
    return items.every(({ endTime }) => endTime !== undefined) ? items : undefined;
  });
  const statements: StatementEvent[] = [];
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: StatementList = await api.get(`/v1/audit/statements?grantID=${grantID}&limit=1000&after=${after}`);
    statements.push(...page.items);
    after = page.next;
  }
  return { statements, sessions };
}

async function completeTrail(): Promise<VerifyReport> {
  const report = await api.post<VerifyReport>("/v1/audit/verify", {});
  expect(report).toMatchObject({ verdict: "complete", findings: [] });
  return report;
}

describe("a proxy that is killed with SIGKILL", () => {
  it("loses no statement that was answered, ends what ran, and serves again under the same connection string", async () => {
    const { grantID, cli, url } = await connectedGrant("stream");
    await busyTransaction(url, "select pg_sleep(298)");
    const client = await connected(url);
    const answered: string[] = [];
    const stream = (async () => {
      for (let number = 1; ; number += 1) {
        await client.query(`select ${number} as streamed`);
        answered.push(`select ${number} as streamed`);
        if (number === 50) {
          killProxy();
        }
      }
    })();

    await expect(stream).rejects.toThrow();
    await noBackendLeft();
    const again = await eventually("the same connection string works again", () =>
      connected(url).catch(() => undefined),
    );
    await again.query("select 'after the crash' as streamed");
    await again.end();
    installation.deleteManifest("grants/stream.yaml");
    await ended(cli);
    await support.grantReleased(api, "stream");

    expect(answered.length).toBeGreaterThanOrEqual(50);
    expect(cli.lines.join("\n")).toMatch(/\[RECONNECTING\]/);
    const { statements, sessions } = await closedTrail(grantID);
    const recorded = new Map(statements.map(({ sql, outcome }) => [sql, outcome]));
    expect(answered.filter((sql) => !recorded.has(sql))).toEqual([]);
    expect(recorded.get("select 'after the crash' as streamed")).toBe("ok");
    expect(recorded.get("select pg_sleep(298)")).toBe("unknown");
    expect(sessions.filter(({ closeReason }) => closeReason === "proxy-crashed")).toHaveLength(2);
    expect(await linesKept()).toBeGreaterThan(10_000);
    await completeTrail();
  });

  it("stores every record once when it dies just as they are shipped", async () => {
    const { grantID, cli, url } = await connectedGrant("shipped");
    await signInDirectly(installation, "margaret");
    const tail = installation.run("margaret", ["audit", "tail", "--after", "0", "--output", "json"]);
    for (const round of [1, 2, 3]) {
      const client = await eventually("a connection", () => connected(url).catch(() => undefined));
      const shipped = tail.line((line) => line.includes(`shipped-${round}`));
      const restarts = restartedTimes();

      await client.query(`select 'shipped-${round}'`);
      await within("the statement shows in the tail", shipped, () => tail.lines.join("\n"));
      killProxy();

      await eventually("the container is started again", () => (restartedTimes() > restarts ? true : undefined));
    }
    tail.kill("SIGINT");
    await ended(tail);
    installation.deleteManifest("grants/shipped.yaml");
    await ended(cli);

    const { statements, sessions } = await closedTrail(grantID);
    expect(statements.map(({ sql }) => sql).toSorted()).toEqual([1, 2, 3].map((round) => `select 'shipped-${round}'`));
    expect(sessions.map(({ closeReason }) => closeReason)).toEqual(Array(3).fill("proxy-crashed"));
    await completeTrail();
  });

  it.each(revokeCalls.map((operation, index) => [operation, index] as const))(
    "while a grant ends, at %s, leaves no backend, no change and no access behind",
    async (operation, index) => {
      const { grantID, cli, url } = await connectedGrant(`end-${index}`);
      await busyTransaction(url, `select pg_sleep(${290 + index})`);
      const { sandbox } = installation;
      let isKilled = false;
      sandbox.faults = (event) => {
        if (isControllers(event) && event.operation === operation && event.phase === "before" && !isKilled) {
          isKilled = true;
          killProxy();
        }
        return "pass";
      };

      installation.deleteManifest(`grants/end-${index}.yaml`);
      await ended(cli);
      await support.grantReleased(api, `end-${index}`);

      expect(isKilled).toBe(true);
      expect(cli.lines.join("\n")).toMatch(/\[ENDED\].*deleted/);
      await noBackendLeft();
      expect(await linesKept()).toBeGreaterThan(10_000);
      const { sessions } = await closedTrail(grantID);
      expect(sessions).toHaveLength(1);
      expect(sessions[0]?.closeReason).toMatch(/proxy-crashed|grant-revoked/);
      await completeTrail();
    },
  );
});
