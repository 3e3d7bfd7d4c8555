import { describe, expect, it } from "vitest";
import type { Grant } from "#kinds/index.ts";
import { startController } from "../controller/harness.ts";
import { shiftedClock } from "./clocks.ts";
import { assignments, changed, grantOf, isLive, isOver, policyObjects, setNames } from "./world.ts";

const dayMs = 24 * 3_600_000;
const hourMs = 3_600_000;

describe.concurrent("a wall clock that is put back", () => {
  it("does not keep an operation of AWS from being looked at, so that a revocation comes to its end", async () => {
    const clock = shiftedClock();
    await using controller = await startController({ objects: [...policyObjects(), grantOf(1)], clock });
    const live = await controller.until<Grant>("Grant", "g-1", isLive);
    const isDeleting = (grant: Grant): boolean => grant.status?.external?.operation?.kind === "DeleteAssignment";

    controller.source.put(changed(live, { revocation: { reason: "done" } }));
    await controller.until<Grant>("Grant", "g-1", isDeleting);
    clock.shift(-hourMs);
    await controller.until<Grant>("Grant", "g-1", isOver);

    expect(setNames(controller.sandbox)).toEqual([]);
  });

  it("lengthens no access: it ends after as long as it was given, and in AWS too", async () => {
    const clock = shiftedClock();
    await using controller = await startController({
      objects: [...policyObjects(), grantOf(1, { durationSeconds: 3 })],
      clock,
    });
    await controller.until<Grant>("Grant", "g-1", isLive);

    clock.shift(-dayMs);
    const over = await controller.until<Grant>("Grant", "g-1", isOver);

    expect(over.status?.end?.reason).toBe("Expired");
    expect(setNames(controller.sandbox)).toEqual([]);
  });

  it("does not put off the look that finds a person disabled", async () => {
    const clock = shiftedClock();
    const objects = [...policyObjects({ driftCheckPeriodSeconds: 1 }), grantOf(1)];
    await using controller = await startController({ objects, clock });
    await controller.until<Grant>("Grant", "g-1", isLive);

    clock.shift(-hourMs);
    const ada = [...controller.sandbox.state.people.values()].find(({ userName }) => userName === "ada");
    if (ada !== undefined) {
      ada.status = "DISABLED";
    }
    const over = await controller.until<Grant>("Grant", "g-1", isOver);

    expect(over.status?.end?.reason).toBe("PrincipalDisabled");
    expect(assignments(controller.sandbox)).toEqual([]);
  });
});

describe.concurrent("a wall clock that is put forward", () => {
  it("ends what is over by it, without waiting for a timer that does not know", async () => {
    const clock = shiftedClock();
    await using controller = await startController({ objects: [...policyObjects(), grantOf(1)], clock });
    await controller.until<Grant>("Grant", "g-1", isLive);

    clock.shift(2 * hourMs);
    const over = await controller.until<Grant>("Grant", "g-1", isOver);

    expect(over.status?.end?.reason).toBe("Expired");
    expect(over.status?.endTime).toBe(over.status?.expiryTime);
  });
});

describe.concurrent("a live Grant whose spec is lowered below what has passed", () => {
  it.each<[string, (live: Grant) => Partial<Grant["spec"]>]>([
    ["notAfterTime in the past", () => ({ notAfterTime: new Date(Date.now() - 1_000).toISOString() })],
    ["notAfterTime in two seconds", () => ({ notAfterTime: new Date(Date.now() + 2_000).toISOString() })],
    ["suspended and revoked at once", () => ({ suspend: true, revocation: { reason: "stop" } })],
  ])("ends by it: %s", async (_title, spec) => {
    await using controller = await startController({ objects: [...policyObjects(), grantOf(1)] });
    const live = await controller.until<Grant>("Grant", "g-1", isLive);

    controller.source.put(changed(live, spec(live)));
    await controller.until<Grant>("Grant", "g-1", isOver);

    expect(setNames(controller.sandbox)).toEqual([]);
  });
});
