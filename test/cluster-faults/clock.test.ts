import { afterEach, beforeEach, expect, it } from "vitest";
import { controlPlaneMissing, kubectlMissing } from "../harness/control-plane.ts";
import { eventually } from "../harness/process.ts";
import { type ClusterFaultWorld, startClusterFaultWorld } from "./world.ts";

const missing = controlPlaneMissing() ?? kubectlMissing();
const hourMs = 3_600_000;
let world: ClusterFaultWorld | undefined;
beforeEach(async ({ skip }) => {
  skip(missing !== undefined, missing);
  world = await startClusterFaultWorld();
});
afterEach(() => world?.[Symbol.asyncDispose]());

const here = (): ClusterFaultWorld => world as ClusterFaultWorld;

it.each([
  ["ahead", hourMs],
  ["behind", -hourMs],
])("a standby whose clock is an hour %s leaves the lease to its holder, and leads when that is gone", async (_how, clockAheadMs) => {
  const leader = await here().addReplica();
  const wrong = await here().addReplica({ clockAheadMs });

  await here().want("one", { notAfterMs: 3 * hourMs, durationSeconds: 7_200 });
  const given = await here().active("one");
  expect(wrong.hasLed()).toBe(false);
  await leader.kill();
  await here().freeLease();
  await eventually("it leads", () => (wrong.hasLed() ? true : undefined));
  await wrong.process.line((line) => line.includes('"control API listens"'));
  const later = await here().active("one");

  // Whatever it thinks what time it is, it opens no window again and moves none.
  expect(later.status?.activationTime).toBe(given.status?.activationTime);
  expect(later.status?.expiryTime).toBe(given.status?.expiryTime);
  await here().remove("one");
  await here().gone("one");
  here().ledger.assertNothingLeft();
});

it("a window that a leader opened with a clock an hour ahead is no longer for the next one than what was asked for", async () => {
  const wrong = await here().addReplica({ clockAheadMs: hourMs });
  await here().addReplica();
  await here().want("one", { notAfterMs: 3 * hourMs, durationSeconds: 1_800 });
  await here().active("one");
  const latest = Date.now() + 1_800_000;

  await wrong.kill();
  await here().freeLease();
  const grant = await here().until(
    "one",
    "ends in time",
    ({ status }) => Date.parse(status?.expiryTime ?? "") <= latest + 60_000,
  );

  expect(Date.parse(grant.status?.activationTime ?? "")).toBeLessThanOrEqual(Date.now());
});
