import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { grantFile } from "#tools/demo/grant-file.ts";
import {
  type ControlPlane,
  controlPlaneMissing,
  kubectlMissing,
  startControlPlane,
} from "#test/harness/control-plane.ts";
import { type ClusterPlace, prepareCluster } from "#test/harness/control-plane-installation.ts";
import { type Installation, startInstallation, untilProxyLinked } from "#test/harness/installation.ts";
import { eventually } from "#test/harness/process.ts";

const missing = controlPlaneMissing() ?? kubectlMissing();
let cluster: ControlPlane;
let place: ClusterPlace;
let installation: Installation;
/** kubectl as ada, who may ask for access. */
let kubectl: (args: readonly string[], stdin?: string) => Promise<string>;

beforeAll(async () => {
  if (missing !== undefined) {
    return;
  }
  cluster = await startControlPlane();
  installation = await startInstallation({
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
});
afterAll(async () => {
  await installation?.stop();
  await cluster?.close();
});
beforeEach(({ skip }) => skip(missing !== undefined, missing));

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
