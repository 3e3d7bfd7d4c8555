import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { controlPlaneMissing, kubectlMissing } from "../harness/control-plane.ts";
import { type ClusterFaultWorld, isTrue, namespace, patch, startClusterFaultWorld } from "./world.ts";

const missing = controlPlaneMissing() ?? kubectlMissing();
let world: ClusterFaultWorld;
beforeAll(async () => {
  if (missing === undefined) {
    world = await startClusterFaultWorld();
    await world.addReplica();
  }
});
afterAll(() => world?.[Symbol.asyncDispose]());
beforeEach(({ skip }) => skip(missing !== undefined, missing));

const pathOf = (name: string): string => `/apis/sallyport.dev/v1alpha1/namespaces/${namespace}/grants/${name}`;

/** What an administrator does with `kubectl edit --subresource=status`. */
const wipeStatus = (name: string): Promise<void> => patch(world.plane, `${pathOf(name)}/status`, { status: null });

it("a status that somebody emptied comes back with the same window, and access ends with it", async () => {
  await world.want("wiped", { durationSeconds: 60, notAfterMs: 600_000 });
  const before = await world.active("wiped");

  await wipeStatus("wiped");
  const after = await world.until("wiped", "has its status back", ({ status }) => status?.activationTime !== undefined);

  expect(after.status?.activationTime).toBe(before.status?.activationTime);
  expect(after.status?.expiryTime).toBe(before.status?.expiryTime);
  await world.revoke("wiped");
  await world.until("wiped", "has ended", ({ status }) => status?.deprovisionTime !== undefined);
  expect(world.setsOf("wiped")).toEqual([]);
  world.ledger.assertNothingLeft();
});

it("a Grant whose status somebody emptied and which is deleted in the same moment leaves no access behind", async () => {
  await world.want("wiped-and-deleted");
  await world.active("wiped-and-deleted");

  await wipeStatus("wiped-and-deleted");
  await world.remove("wiped-and-deleted");

  await world.gone("wiped-and-deleted");
  world.ledger.assertNothingLeft();
});

it("a Grant that has ended stays so when somebody empties its status", async () => {
  await world.want("ended-and-wiped");
  await world.active("ended-and-wiped");
  await world.revoke("ended-and-wiped");
  await world.until("ended-and-wiped", "has ended", ({ status }) => status?.deprovisionTime !== undefined);

  await patch(world.plane, pathOf("ended-and-wiped"), { spec: { revocation: null } }).catch(() => {});
  await wipeStatus("ended-and-wiped");
  await world.until("ended-and-wiped", "is looked at", ({ status }) => status?.conditions !== undefined);

  expect(world.setsOf("ended-and-wiped")).toEqual([]);
  await world.remove("ended-and-wiped");
  await world.gone("ended-and-wiped");
  world.ledger.assertNothingLeft();
});

it("a Grant whose finalizer is taken off together with its deletion leaves no access behind", async () => {
  await world.want("stripped");
  await world.active("stripped");

  await world.remove("stripped");
  await patch(world.plane, pathOf("stripped"), { metadata: { finalizers: null } }).catch(() => {});

  await world.gone("stripped");
  world.ledger.assertNothingLeft();
});

it("another field manager that fights for the conditions and the window wins nothing", async () => {
  await world.want("fought-over");
  const before = await world.active("fought-over");
  const rival = {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "Grant",
    metadata: { name: "fought-over" },
    status: {
      activationTime: new Date().toISOString(),
      expiryTime: "2099-01-01T00:00:00Z",
      conditions: (before.status?.conditions ?? []).map((condition) => ({ ...condition, status: "False" })),
    },
  };

  for (let round = 0; round < 3; round += 1) {
    await world.plane.request({
      path: `${pathOf("fought-over")}/status?fieldManager=rival&force=true`,
      method: "PATCH",
      body: rival,
      contentType: "application/apply-patch+yaml",
    });
  }
  const after = await world.until(
    "fought-over",
    "is told as it is",
    ({ status }) =>
      status?.expiryTime === before.status?.expiryTime && status?.conditions?.some(isTrue("Active")) === true,
  );

  expect(after.status?.activationTime).toBe(before.status?.activationTime);
  expect(after.status?.expiryTime).toBe(before.status?.expiryTime);
  await world.remove("fought-over");
  await world.gone("fought-over");
  world.ledger.assertNothingLeft();
});

it("a Grant whose status somebody emptied and which was deleted while no controller ran leaves no access behind", async () => {
  await world.want("wiped-unseen");
  await world.active("wiped-unseen");
  await (await world.replicas.leader()).kill();

  const down = world.ledger.outage("no controller");
  await wipeStatus("wiped-unseen");
  await world.remove("wiped-unseen");
  await world.freeLease();
  await world.addReplica();
  await world.gone("wiped-unseen");
  down();

  world.ledger.assertNothingLeft();
});
