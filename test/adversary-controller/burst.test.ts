import { expect, it } from "vitest";
import type { Grant } from "#kinds/index.ts";
import { startController } from "../controller/harness.ts";
import { changed, grantOf, isLive, isOver, policyObjects } from "./world.ts";

/** Enough that most of them wait for the account's turn most of the time. */
const count = 8;
/**
 * What one grant needs of Identity Center when nobody is in its way: create, policy, one look, assignment, polls, activation
 * (13 calls), and a conflict or two.
 */
const callsPerGrantMax = 18;

it("a burst of grants in one account asks AWS no more per grant than one alone, and lets a revocation pass", async () => {
  await using controller = await startController({
    objects: [...policyObjects(), grantOf(1)],
    sandbox: { delays: { identityCenterMs: 500 } },
  });
  const { sandbox, source } = controller;
  const first = await controller.until<Grant>("Grant", "g-1", isLive);
  const before = sandbox.calls.length;
  const burst = Array.from({ length: count }, (_, index) => grantOf(index + 2));
  const namesOf = (): string[] =>
    source.list("Grant").flatMap(({ object }) => (isLive(object) ? [object.metadata.name] : []));

  for (const grant of burst) {
    source.put(grant);
  }
  await Promise.race(burst.map(({ metadata }) => controller.until<Grant>("Grant", metadata.name, isLive)));
  source.put(changed(first, { revocation: { reason: "now" } }));
  await controller.until<Grant>("Grant", "g-1", isOver);
  const liveAtRevocation = namesOf().length;
  for (const { metadata } of burst) {
    await controller.until<Grant>("Grant", metadata.name, isLive);
  }

  const calls = sandbox.calls.slice(before).filter(({ service }) => service === "sso");
  expect(liveAtRevocation).toBeLessThan(count / 2);
  expect(calls.length / (count + 1)).toBeLessThan(callsPerGrantMax);
  expect(calls.filter(({ outcome }) => outcome === "ThrottlingException")).toEqual([]);
});
