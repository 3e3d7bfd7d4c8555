import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { ended } from "../harness/process.ts";
import { watchGrant } from "./grant-watch.ts";
import { killController, type Observer, watchOnly } from "./kill-points.ts";
import * as support from "./support.ts";

let installation: Installation;
let api: ControlApi;

beforeAll(async () => {
  installation = await startInstallation({ sandbox: { delays: { identityCenterMs: 30 } } });
  api = controlApi(installation, "margaret");
  await untilProxyLinked(installation);
  await signInDirectly(installation, "ada");
});

afterAll(() => installation?.stop());

/** The state directory goes while the controller runs, and the controller after it; `meanwhile` happens before the next one starts. */
async function loseState(meanwhile: () => void = () => {}): Promise<void> {
  rmSync(installation.stateDirectory, { recursive: true });
  await killController(installation);
  meanwhile();
  await installation.startController();
}

/** The list of roles is answered only once the proxy is linked again: what the proxy is told first must not depend on it. */
function holdRoles(observe: Observer): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  installation.sandbox.faults = async (event) => {
    observe(event);
    if (event.operation === "ListRoles") {
      await promise;
    }
    return "pass" as const;
  };
  return resolve;
}

describe("a state directory that is lost while a grant is live", () => {
  it("is recovered from the permission set's tags: same grant, same window, no second set, and the session goes on", async () => {
    const watch = watchGrant(installation.sandbox.state, "kept", () => undefined);
    watchOnly(installation.sandbox, watch.observe);
    installation.writeManifest("grants/kept.yaml", support.grantManifest("kept", "ada"));
    const before = await support.grantReaches(api, "kept", "Active");
    const { proxy: cli, url } = await support.connectAs(installation, "ada", "app_owner");
    const { client } = await support.connected(url);

    const isLinked = holdRoles(watch.observe);
    await loseState();
    await untilProxyLinked(installation);
    isLinked();

    const after = await support.grantReaches(api, "kept", "Active");
    const { grantID, activationTime, expiryTime, userName, database, role } = before;
    expect(after).toMatchObject({ grantID, activationTime, expiryTime, userName, database, role });
    expect(watch.sets().map((set) => set.name)).toEqual([grantID]);
    expect(watch.violations).toEqual([]);
    const { rows } = await client.query("select 'still here' as word");
    expect(rows).toEqual([{ word: "still here" }]);
    const { client: second } = await support.connected(url);
    await second.end();
    installation.deleteManifest("grants/kept.yaml");
    expect(await ended(cli)).toBe(1);
    await support.grantReleased(api, "kept");
    expect(watch.sets()).toEqual([]);
  });

  it("revokes a grant whose file was deleted meanwhile", async () => {
    const watch = watchGrant(installation.sandbox.state, "dropped", () => undefined);
    watchOnly(installation.sandbox, watch.observe);
    installation.writeManifest("grants/dropped.yaml", support.grantManifest("dropped", "ada"));
    const { grantID } = await support.grantReaches(api, "dropped", "Active");
    const { proxy: cli, url } = await support.connectAs(installation, "ada", "app_owner");
    const busy = await support.busyTransaction(installation, url, "select pg_sleep(270)");

    await loseState(() => installation.deleteManifest("grants/dropped.yaml"));

    // The SSM session is ended without waiting for the proxy, which may only be linking again: then the way is lost before the cut is told.
    expect(await busy.failure).toMatch(/revoked|terminat|the way to the database was lost/);
    expect(await ended(cli)).toBe(1);
    await support.grantReleased(api, "dropped");
    expect(watch.sets()).toEqual([]);
    expect(watch.violations).toEqual([]);
    expect(
      installation.sandbox.state.roles
        .list("111122223333")
        .map(({ roleName }) => roleName)
        .join(),
    ).not.toContain(grantID);
    await support.noBackendLeft(installation);
    expect(await support.linesKept(installation)).toBeGreaterThan(10_000);
  });
});
