import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { ended, eventually, eventuallyWorks, type SallyportProcess, within } from "../harness/process.ts";
import { isControllers, killController } from "./kill-points.ts";
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

function killProxy(): void {
  const task = installation.sandbox.ecs.tasks().find(({ lastStatus }) => lastStatus === "RUNNING");
  expect(installation.sandbox.ecs.kill(task?.arn ?? "", "SIGKILL")).toBe(true);
}

/** The task's container runs again, in place. */
function restartedTimes(): number {
  return installation.sandbox.ecs.tasks().reduce((sum, { restartCount }) => sum + restartCount, 0);
}

describe("a proxy that is killed with SIGKILL", () => {
  it("loses no statement that was answered, ends what ran, and serves again under the same connection string", async () => {
    const { grantID, cli, url } = await connectedGrant("stream");
    await support.busyTransaction(installation, url, "select pg_sleep(298)");
    const { client } = await support.connected(url);
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
    await support.noBackendLeft(installation);
    const { client: again } = await eventuallyWorks("the same connection string works again", () =>
      support.connected(url),
    );
    await again.query("select 'after the crash' as streamed");
    await again.end();
    installation.deleteManifest("grants/stream.yaml");
    await ended(cli);
    await support.grantReleased(api, "stream");

    expect(answered.length).toBeGreaterThanOrEqual(50);
    expect(cli.lines.join("\n")).toMatch(/\[RECONNECTING\]/);
    const { statements, sessions } = await support.closedTrail(api, grantID);
    const recorded = new Map(statements.map(({ sql, outcome }) => [sql, outcome]));
    expect(answered.filter((sql) => !recorded.has(sql))).toEqual([]);
    expect(recorded.get("select 'after the crash' as streamed")).toBe("ok");
    expect(recorded.get("select pg_sleep(298)")).toBe("unknown");
    expect(sessions.filter(({ closeReason }) => closeReason === "proxy-crashed")).toHaveLength(2);
    expect(await support.linesKept(installation)).toBeGreaterThan(10_000);
    expect(await support.verifyTrail(api)).toMatchObject(support.completeTrail);
  });

  it("stores every record once when it dies just as they are shipped", async () => {
    const { grantID, cli, url } = await connectedGrant("shipped");
    await signInDirectly(installation, "margaret");
    const tail = installation.run("margaret", ["audit", "tail", "--after", "0", "--output", "json"]);
    for (const round of [1, 2, 3]) {
      const { client } = await eventuallyWorks("a connection", () => support.connected(url));
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

    const { statements, sessions } = await support.closedTrail(api, grantID);
    expect(statements.map(({ sql }) => sql).toSorted()).toEqual([1, 2, 3].map((round) => `select 'shipped-${round}'`));
    expect(sessions.map(({ closeReason }) => closeReason)).toEqual(Array(3).fill("proxy-crashed"));
    expect(await support.verifyTrail(api)).toMatchObject(support.completeTrail);
  });

  it.each(revokeCalls.map((operation, index) => [operation, index] as const))(
    "while a grant ends, at %s, leaves no backend, no change and no access behind",
    async (operation, index) => {
      const { grantID, cli, url } = await connectedGrant(`end-${index}`);
      await support.busyTransaction(installation, url, `select pg_sleep(${290 + index})`);
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
      await support.noBackendLeft(installation);
      expect(await support.linesKept(installation)).toBeGreaterThan(10_000);
      const { sessions } = await support.closedTrail(api, grantID);
      expect(sessions).toHaveLength(1);
      expect(sessions[0]?.closeReason).toMatch(/proxy-crashed|grant-revoked/);
      expect(await support.verifyTrail(api)).toMatchObject(support.completeTrail);
    },
  );

  it("together with the controller, while its file is deleted, leaves nothing either", async () => {
    const { grantID, cli, url } = await connectedGrant("both");
    const busy = await support.busyTransaction(installation, url, "select pg_sleep(250)");

    const gone = killController(installation);
    killProxy();
    await gone;
    installation.deleteManifest("grants/both.yaml");
    // The task's next process ends what is left without asking anybody.
    await support.noBackendLeft(installation);
    await installation.startController();
    await support.grantReleased(api, "both");

    await busy.failure;
    expect(await ended(cli)).toBe(1);
    expect(await support.linesKept(installation)).toBeGreaterThan(10_000);
    const { sessions } = await support.closedTrail(api, grantID);
    expect(sessions.map(({ closeReason }) => closeReason)).toEqual(["proxy-crashed"]);
    expect(await support.verifyTrail(api)).toMatchObject(support.completeTrail);
  });
});
