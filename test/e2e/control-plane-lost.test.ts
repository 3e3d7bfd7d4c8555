import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { ended, eventually, within } from "../harness/process.ts";
import { killController } from "./kill-points.ts";
import * as support from "./support.ts";

let installation: Installation;
let api: ControlApi;

beforeAll(async () => {
  installation = await startInstallation({ sandbox: { delays: { identityCenterMs: 30 } } });
  api = controlApi(installation, "margaret");
  support.addOtherGrants(installation);
  await untilProxyLinked(installation);
  await signInDirectly(installation, "ada");
});

afterAll(async () => {
  // A stopped process would not hear that it is to end.
  installation?.controller().kill("SIGCONT");
  await installation?.stop();
});

/** How the controller goes away, and how it comes back. */
const outages = [
  {
    how: "SIGKILL",
    begin: () => killController(installation),
    end: async () => void (await installation.startController()),
  },
  {
    how: "SIGSTOP",
    begin: async () => installation.controller().kill("SIGSTOP"),
    end: async () => installation.controller().kill("SIGCONT"),
  },
];

describe.each(outages)("a control plane that is gone ($how)", ({ how, begin, end }) => {
  it("interrupts nobody, and does not keep a grant from ending on time", async () => {
    const name = `outage-${how.toLowerCase()}`;
    const file = `grants/${name}.yaml`;
    installation.writeManifest(file, support.grantManifest(name, "ada"));
    const { grantID } = await support.grantReaches(api, name, "Active");
    const { proxy: cli, url } = await support.connectAs(installation, "ada", "app_owner");
    const { client, lastWords } = await support.connected(url);
    const busy = await support.busyTransaction(installation, url, "select pg_sleep(280)");
    const notAfterTime = support.secondsFromNow(8);
    installation.writeManifest(file, support.grantManifest(name, "ada", { notAfterTime }));
    await eventually("the window is shortened", async () => {
      const grant = await api.grant(name);
      return Date.parse(grant?.expiryTime ?? "") === Date.parse(notAfterTime) ? true : undefined;
    });

    await begin();
    await client.query("select 'in the open session'");
    const { client: second } = await support.connected(url);
    await second.query("select 'in a new session'");
    const reason = await within("the running query is ended", busy.failure, () => cli.lines.join("\n"));
    const endedAt = Date.now();
    await support.noBackendLeft(installation);
    const code = await ended(cli);

    expect(endedAt).toBeGreaterThanOrEqual(Date.parse(notAfterTime));
    expect(reason).toMatch(/expired|terminat/);
    expect(lastWords()).toMatch(/expired/);
    expect(code).toBe(1);
    expect(cli.lines.join("\n")).toMatch(/\[ENDED\].*expired/);
    expect(await support.linesKept(installation)).toBeGreaterThan(10_000);
    expect(setsOf(name)).toHaveLength(1);

    await end();
    await support.grantReaches(api, name, "Ended");
    expect(setsOf(name)).toHaveLength(0);
    const { statements, sessions } = await support.closedTrail(api, grantID);
    expect(statements.map(({ sql }) => sql)).toEqual(
      expect.arrayContaining(["select 'in the open session'", "select 'in a new session'", "select pg_sleep(280)"]),
    );
    expect(sessions.map(({ closeReason }) => closeReason)).toEqual(Array(3).fill("grant-expired"));
    expect(await support.verifyTrail(api)).toMatchObject(support.completeTrail);
  });
});

describe("a controller that is killed while records are shipped to it", () => {
  it("stores every one of them once in the end, under signed heads", async () => {
    installation.writeManifest("grants/ingest.yaml", support.grantManifest("ingest", "ada"));
    const { grantID } = await support.grantReaches(api, "ingest", "Active");
    const { proxy: cli, url } = await support.connectAs(installation, "ada", "app_owner");
    const { client } = await support.connected(url);
    const sent: string[] = [];
    const send = async (count: number): Promise<void> => {
      for (let number = 0; number < count; number += 1) {
        sent.push(`select ${sent.length} as shipped`);
        await client.query(sent.at(-1) ?? "");
      }
    };

    for (let round = 0; round < 3; round += 1) {
      await send(40);
      const streaming = send(200);
      await killController(installation);
      await streaming;
      await installation.startController();
      await untilProxyLinked(installation);
    }
    await client.end();
    installation.deleteManifest("grants/ingest.yaml");
    await ended(cli);
    await support.grantReleased(api, "ingest");

    const { statements } = await support.closedTrail(api, grantID);
    expect(statements.map(({ sql }) => sql).toSorted()).toEqual(sent.toSorted());
    expect(new Set(statements.map(({ outcome }) => outcome))).toEqual(new Set(["ok"]));
    expect(await support.verifyTrail(api)).toMatchObject(support.completeTrail);
  });
});

function setsOf(name: string): unknown[] {
  const sets = [...installation.sandbox.state.permissionSets.values()];
  return sets.filter((set) => set.tags.get("sallyport.dev/name") === name);
}
