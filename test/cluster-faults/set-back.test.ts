import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { controlPlaneMissing, kubectlMissing } from "../harness/control-plane.ts";
import { eventually } from "../harness/process.ts";
import { type ClusterFaultWorld, startClusterFaultWorld } from "./world.ts";

// The API server is started several times over, and asked again after waits that grow.
vi.setConfig({ testTimeout: 180_000 });
const missing = controlPlaneMissing() ?? kubectlMissing();
const patientLease = { "lease-duration": "90", "lease-renew-deadline": "80", "lease-retry-period": "1" };
/** A server that was away is asked again after waits that grow. */
const patienceMs = 60_000;
let world: ClusterFaultWorld;
beforeAll(async () => {
  if (missing === undefined) {
    world = await startClusterFaultWorld();
    // The API server is away for as long as it takes to start: the leader outlives that.
    await world.addReplica({ flags: patientLease });
  }
});
afterAll(() => world?.[Symbol.asyncDispose]());
beforeEach(({ skip }) => skip(missing !== undefined, missing));

const hasEnded = (name: string) =>
  world.until(name, "has ended", ({ status }) => status?.deprovisionTime !== undefined);

it("an etcd that is set back under a running controller starts no clock, and brings nothing back that was revoked", async () => {
  const asked = await world.want("asked");
  await world.active("asked");
  await world.want("revoked-since");
  await world.active("revoked-since");
  await world.want("deleted-since");
  await world.active("deleted-since");
  await world.want("ended-before");
  await world.active("ended-before");
  await world.revoke("ended-before");
  await hasEnded("ended-before");
  await world.plane.backUp();
  await world.want("unknown-to-the-backup");
  await world.active("unknown-to-the-backup");
  await world.revoke("revoked-since");
  await hasEnded("revoked-since");
  await world.remove("deleted-since");
  await world.gone("deleted-since");
  const before = await world.active("asked");

  const whileItIsAway = world.ledger.outage("etcd is set back");
  await world.plane.setBack();
  // The cluster does not know of it any more, so nobody wants it.
  world.ledger.end("unknown-to-the-backup", "shop");
  const after = await world.active("asked");
  await eventually(
    () => `what the backup does not know is taken away\n${world.replicas.lastWords()}`,
    () => (world.setsOf("unknown-to-the-backup").length === 0 ? true : undefined),
    patienceMs,
  );
  whileItIsAway();
  await world.until("revoked-since", "is over again", ({ status }) => status?.deprovisionTime !== undefined);

  expect(after.metadata.uid).toBe(asked.metadata.uid);
  expect(after.status?.activationTime).toBe(before.status?.activationTime);
  expect(after.status?.expiryTime).toBe(before.status?.expiryTime);
  expect(world.setsOf("revoked-since")).toEqual([]);
  expect(world.setsOf("ended-before")).toEqual([]);
  world.ledger.assertHolds();
});

it("an etcd that is set back to before Grants were given, with no controller there, starts no clock", async () => {
  await world.want("given");
  await world.plane.backUp();
  const before = await world.active("given");

  const down = world.ledger.outage("no controller, and etcd is set back");
  await (await world.replicas.leader()).kill();
  await world.plane.setBack();
  await world.freeLease();
  await world.addReplica({ flags: patientLease });
  const after = await world.active("given");
  down();

  expect(after.status?.activationTime).toBe(before.status?.activationTime);
  expect(after.status?.expiryTime).toBe(before.status?.expiryTime);
  expect(world.setsOf("given")).toHaveLength(1);
  world.ledger.assertHolds();
});

it("an object of an ended Grant that comes back as a new one, from a backup of manifests, is refused", async () => {
  await world.want("comes-back");
  const { spec } = await world.active("comes-back");
  await world.remove("comes-back");
  await world.gone("comes-back");

  await world.plane.request({
    path: "/apis/sallyport.dev/v1alpha1/namespaces/shop/grants",
    method: "POST",
    body: { apiVersion: "sallyport.dev/v1alpha1", kind: "Grant", metadata: { name: "comes-back" }, spec },
  });
  const again = await world.until(
    "comes-back",
    "is refused",
    ({ status }) => status?.conditions?.some(({ reason }) => reason === "PreviouslyEnded") === true,
  );

  expect(again.status?.activationTime).toBeUndefined();
  expect(world.setsOf("comes-back")).toEqual([]);
  world.ledger.assertHolds();
});
