import { afterAll, describe, expect, test } from "vitest";
import { controllerMetrics } from "#controller/metrics/definitions.ts";
import { grantFile } from "#tools/demo/grant-file.ts";
import { type ControlPlane, kubectlMissing } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { type ClusterPlace, prepareCluster } from "#test/harness/control-plane-installation.ts";
import { type Installation, startInstallation, untilProxyLinked } from "#test/harness/installation.ts";
import { freePort } from "#test/harness/postgres.ts";
import { eventually } from "#test/harness/process.ts";

let cluster: ControlPlane;
let place: ClusterPlace;
let installation: Installation;
/** Where the controller tells of itself. */
let at: { readonly metrics: string; readonly probes: string };
/** kubectl as ada, who may ask for access. */
let kubectl: (args: readonly string[], stdin?: string) => Promise<string>;

givenControlPlane(async (started) => {
  cluster = started;
  const [metrics, probes] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  at = { metrics: `http://${metrics}/metrics`, probes: `http://${probes}` };
  installation = await startInstallation({
    flags: { "metrics-listen": metrics, "probe-listen": probes },
    async place(folder) {
      place = await prepareCluster(cluster, folder);
      return place.controllerArguments;
    },
  });
  const kubeconfig = await place.kubeconfigFor("ada", "sallyport-requester");
  kubectl = (args, stdin) =>
    cluster.kubectl(["--namespace", place.namespace, ...args], {
      kubeconfig,
      ...(stdin === undefined ? {} : { stdin }),
    });
  await untilProxyLinked(installation);
}, kubectlMissing());
afterAll(() => installation?.stop());

const own = { person: "ada", database: "orders", role: "app_owner", requester: "ada" };

describe("the main job, by kubectl alone", () => {
  test("applied, awaited, listed and deleted: access comes, is seen, and is gone when kubectl delete returns", async () => {
    await kubectl(["apply", "--filename", "-"], grantFile({ ...own, name: "one" }));
    await kubectl(["wait", "--for=condition=Active", "grant/one", "--timeout=30s"]);
    const listed = await kubectl(["get", "access"]);
    const during = permissionSets();
    await kubectl(["delete", "grant", "one", "--timeout=30s"]);
    const after = permissionSets();

    expect(listed).toMatch(/grant\.sallyport\.dev\/one +ada +orders +app_owner +True +True +Active/);
    expect(during).toHaveLength(after.length + 1);
    await expect(kubectl(["get", "grant", "one"])).rejects.toThrow("NotFound");
  });

  test("every object of the examples is Ready, so that a pipeline may wait for it", async () => {
    const waited = await kubectl([
      "wait",
      "--for=condition=Ready",
      "--all",
      "--timeout=30s",
      "proxy,database,accessworkflow,availability",
    ]);

    expect(waited.trim().split("\n")).toHaveLength(7);
  });

  test("a Grant that no Availability allows says why, and nothing is made for it", async () => {
    const before = permissionSets();
    const grant = grantFile({ ...own, name: "two", role: "nobody_offers_this" });

    await kubectl(["apply", "--filename", "-"], grant);

    await kubectl(["wait", "--for=condition=Ready=False", "grant/two", "--timeout=30s"]);
    const message = "jsonpath={.status.conditions[?(@.type=='Ready')].message}";
    expect(await kubectl(["get", "grant", "two", "--output", message])).toContain("nobody_offers_this");
    expect(permissionSets()).toEqual(before);
    await kubectl(["delete", "grant", "two", "--timeout=30s"]);
  });
});

test("a cluster's controller tells of its Lease, its watches and its requests, and is alive by them", async () => {
  const text = await (await fetch(at.metrics)).text();
  const healthz = await fetch(`${at.probes}/healthz?verbose`);
  const readyz = await fetch(`${at.probes}/readyz`);

  expect(text).toContain('\nleader_election_master_status{name="sallyport"} 1\n');
  expect(text).toMatch(/^rest_client_requests_total\{code="200",method="GET",host="127\.0\.0\.1:\d+"\} [1-9]\d*$/m);
  const names = [...text.matchAll(/^sallyport_reflector_last_list_timestamp_seconds\{reflector="([^"]+)/gm)];
  expect(names.map(([, name]) => name)).toEqual(expect.arrayContaining(["shop/grants", "shop/proxies"]));
  const shown = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  // It reads no folder, and delivers to no sink.
  const ofClusters = controllerMetrics
    .map(({ name }) => name)
    .filter((name) => !name.startsWith("sallyport_folder_") && !name.startsWith("sallyport_sink_"));
  expect(ofClusters.filter((name) => !shown.includes(name))).toEqual([]);
  expect([readyz.status, healthz.status]).toEqual([200, 200]);
  expect(await healthz.text()).toBe(
    ["clock", "event-loop", "reconcile-loop", "reflectors", "leader-election"]
      .map((check) => `[+]${check} ok\n`)
      .join("") + "healthz check passed\n",
  );
});

describe("an API server that goes away", () => {
  test("takes no access with it, and a delete afterwards is done", async () => {
    await kubectl(["apply", "--filename", "-"], grantFile({ ...own, name: "three" }));
    await kubectl(["wait", "--for=condition=Active", "grant/three", "--timeout=30s"]);
    const during = permissionSets();

    await cluster.restart();

    expect(permissionSets()).toEqual(during);
    await kubectl(["delete", "grant", "three", "--timeout=60s"]);
    await eventually("its permission set is gone", () => permissionSets().length === during.length - 1 || undefined);
  });
});

/** Names of the permission sets of Grants that the sandbox holds. */
function permissionSets(): readonly string[] {
  return [...installation.sandbox.state.permissionSets.values()]
    .map(({ name }) => name)
    .filter((name) => /^g[a-z2-7]{26}$/.test(name))
    .toSorted();
}
