import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { controlPlaneMissing, kubectlMissing } from "../harness/control-plane.ts";
import { eventually } from "../harness/process.ts";
import { applyPolicy, type ClusterFaultWorld, namespace, startClusterFaultWorld } from "./world.ts";

// The API server is started several times over, and asked again after waits that grow.
vi.setConfig({ testTimeout: 180_000 });
const missing = controlPlaneMissing() ?? kubectlMissing();
const crds = ["proxies", "databases", "accessworkflows", "availabilities", "grants", "grantreviews"];
let world: ClusterFaultWorld | undefined;
beforeEach(async ({ skip }) => {
  skip(missing !== undefined, missing);
  world = await startClusterFaultWorld();
});
afterEach(() => world?.[Symbol.asyncDispose]());

const here = (): ClusterFaultWorld => world as ClusterFaultWorld;

/** Two Grants that are live, and one that is asked for in this moment. */
async function threeGrants(): Promise<void> {
  await here().want("one");
  await here().want("two", { person: "grace" });
  await Promise.all([here().active("one"), here().active("two")]);
  await here().want("three", { person: "linus" });
}

function nobodyWantsThem(): void {
  for (const name of ["one", "two", "three"]) {
    here().ledger.end(name, namespace);
  }
}

/** kubectl does not wait: it would not end before the controller has done its part. */
async function deleteDefinitions(): Promise<void> {
  const names = crds.map((plural) => `${plural}.sallyport.dev`);
  await here().kubectl("delete", "crd", ...names, "--wait=false");
}

const definitionsGone = (): Promise<true> =>
  eventually(
    () => `the definitions are gone\n${here().replicas.lastWords()}\n${here().ledger.history()}`,
    async () => {
      const listed = await here().kubectl("get", "crd", "-o", "name");
      return listed.includes("sallyport.dev") ? undefined : true;
    },
    90_000,
  );

it("everything of a namespace can be deleted at once, in whatever order, and nothing is left in AWS", async () => {
  await here().addReplica();
  await threeGrants();

  nobodyWantsThem();
  // What the namespace controller does: kind by kind, and what the Grants refer to may go first.
  for (const plural of crds) {
    await here().plane.request({
      path: `/apis/sallyport.dev/v1alpha1/namespaces/${namespace}/${plural}`,
      method: "DELETE",
    });
  }
  await Promise.all(["one", "two", "three"].map((name) => here().gone(name)));

  here().ledger.assertNothingLeft();
});

it("the definitions can be deleted while the controller runs, and made again", async () => {
  await here().addReplica();
  await threeGrants();

  nobodyWantsThem();
  await deleteDefinitions();
  await definitionsGone();
  here().ledger.assertNothingLeft();

  await here().plane.installCRDs();
  await applyPolicy(here().plane);
  await here().want("afterwards");
  await here().active("afterwards");
  here().ledger.assertHolds();
});

it("the definitions can be deleted while no controller runs, and go once one is back", async () => {
  const replica = await here().addReplica();
  await threeGrants();
  await here().active("three");
  await replica.kill();

  nobodyWantsThem();
  const down = here().ledger.outage("no controller");
  await deleteDefinitions();
  await eventually("what has no finalizer is gone", async () =>
    (await here().kubectl("get", "crd", "-o", "name")).includes("proxies.sallyport.dev") ? undefined : true,
  );
  await here().freeLease();
  await here().addReplica({ isAwaited: false });
  await definitionsGone();
  down();

  expect(here().ledger.setsHeld()).toEqual([]);
  here().ledger.assertNothingLeft();
});
