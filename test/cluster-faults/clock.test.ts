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
])(
  "a standby whose clock is an hour %s leaves the lease to its holder, and leads when that is gone",
  async (_how, clockAheadMs) => {
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
  },
);
