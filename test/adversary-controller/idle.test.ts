import { expect, it } from "vitest";
import type { Grant } from "#kinds/index.ts";
import { startController } from "../controller/harness.ts";
import { fastClock } from "./clocks.ts";
import { grantOf, isLive, policyObjects } from "./world.ts";

const grants = 4;
/** Ten minutes of the controller's time in three seconds. */
const speed = 200;
const minutes = 10;
/** Person, memberships, a group, set, tags, assignment, policy, role: one look at a live grant. Every 300 s. */
const callsPerLook = 8;
const looks = Math.ceil((minutes * 60) / 300);

it("an idle controller with live grants writes nothing and asks AWS only what its period allows", async () => {
  const clock = fastClock(speed);
  await using controller = await startController({
    objects: policyObjects(),
    clock,
    sandbox: { limits: { identityCenterPerSecond: Infinity, identityStorePerSecond: Infinity } },
  });
  const { source, sandbox } = controller;
  const notAfterTime = new Date(clock.now() + 24 * 3_600_000).toISOString();
  const all = Array.from({ length: grants }, (_, index) =>
    grantOf(index + 1, { durationSeconds: 7_200, notAfterTime }),
  );
  for (const grant of all) {
    source.put(grant);
  }
  for (const { metadata } of all) {
    await controller.until<Grant>("Grant", metadata.name, isLive);
  }
  const before = source.list("Grant").map(({ object }) => object);
  const callsBefore = sandbox.calls.length;

  await new Promise<void>((resolve) => clock.after(minutes * 60_000, resolve));

  // The very same objects: a write of any kind would have made others.
  const after = source.list("Grant").map(({ object }) => object);
  expect(after.every((object, index) => object === before[index])).toBe(true);
  expect(sandbox.calls.length - callsBefore).toBeLessThanOrEqual(grants * looks * callsPerLook);
  expect(sandbox.calls.length).toBeGreaterThan(callsBefore);
});
