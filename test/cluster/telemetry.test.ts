import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { controllerMetrics } from "#controller/metrics/definitions.ts";
import { type ControlPlane, controlPlaneMissing, kubectlMissing, startControlPlane } from "../harness/control-plane.ts";
import { prepareCluster } from "../harness/control-plane-installation.ts";
import { type Installation, startInstallation } from "../harness/installation.ts";
import { freePort } from "../harness/postgres.ts";

const missing = controlPlaneMissing() ?? kubectlMissing();
let plane: ControlPlane | undefined;
let installation: Installation | undefined;
let at: { metrics: string; probes: string };

beforeAll(async () => {
  if (missing === undefined) {
    const started = await startControlPlane();
    plane = started;
    const [metrics, probes] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    at = { metrics: `http://${metrics}/metrics`, probes: `http://${probes}` };
    installation = await startInstallation({
      flags: { "metrics-listen": metrics, "probe-listen": probes },
      place: async (folder) => (await prepareCluster(started, folder)).controllerArguments,
    });
  }
});
afterAll(async () => {
  await installation?.stop();
  await plane?.close();
});
beforeEach(({ skip }) => skip(missing !== undefined, missing));

it("a cluster's controller tells of its Lease, its watches and its requests, and is alive by them", async () => {
  const text = await (await fetch(at.metrics)).text();
  const healthz = await fetch(`${at.probes}/healthz?verbose`);
  const readyz = await fetch(`${at.probes}/readyz`);

  expect(text).toContain('\nleader_election_master_status{name="sallyport"} 1\n');
  expect(text).toMatch(/^rest_client_requests_total\{code="200",method="GET",host="127\.0\.0\.1:\d+"\} [1-9]\d*$/m);
  const names = [...text.matchAll(/^sallyport_reflector_last_list_timestamp_seconds\{reflector="([^"]+)/gm)];
  expect(names.map(([, name]) => name)).toEqual(expect.arrayContaining(["shop/grants", "shop/proxies"]));
  const shown = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(controllerMetrics.map(({ name }) => name).filter((name) => !shown.includes(name))).toEqual([]);
  expect([readyz.status, healthz.status]).toEqual([200, 200]);
  expect(await healthz.text()).toBe(
    ["clock", "event-loop", "reconcile-loop", "reflectors", "leader-election"]
      .map((check) => `[+]${check} ok\n`)
      .join("") + "healthz check passed\n",
  );
});
