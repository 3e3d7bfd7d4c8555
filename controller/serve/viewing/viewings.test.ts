import { expect, it } from "vitest";
import { memoryTrail } from "#audit/event/memory-trail.ts";
import type { Trail } from "#audit/event/trail.ts";
import { silentLog } from "#lib/log.ts";
import { adasGrant, reviewedObjects } from "#test/serve/api-stand.ts";
import { caller, testServices } from "#test/serve/services.ts";
import { reviewedGrantsMax, viewScope } from "./view-scope.ts";
import { Viewings, viewingsMax } from "./viewings.ts";

it("so many looks are remembered as recorded; the oldest is recorded again beyond it", async () => {
  const trail = memoryTrail();
  const viewings = new Viewings({ trail, log: silentLog });
  const look = (n: number) => viewings.record(caller("ada"), { what: "statements", grantID: `g${n}` });
  for (let n = 0; n < viewingsMax; n += 1) {
    await look(n);
  }

  await look(0);
  const before = trail.events.length;
  await look(viewingsMax);
  await look(1);
  await look(0);

  expect([before, trail.events.length]).toEqual([viewingsMax, viewingsMax + 2]);
});

it("what could not be recorded is not shown, and may be asked for again", async () => {
  const kept = memoryTrail();
  let isDown = true;
  const trail: Trail = {
    record: (event) => (isDown ? Promise.reject(new Error("the store is away")) : kept.record(event)),
  };
  const viewings = new Viewings({ trail, log: silentLog });
  const look = () => viewings.record(caller("ada"), { what: "statements", grantID: "g1" });

  await expect(look()).rejects.toMatchObject({ status: 503, body: { error: { code: "ViewingNotRecorded" } } });
  isDown = false;
  await look();
  await look();

  expect(kept.events.length).toBe(1);
});

it("the newest of the grants that somebody reviewed are in their search, so many", () => {
  const grants = Array.from({ length: reviewedGrantsMax + 1 }, (_, index) => {
    const requestTime = new Date(Date.UTC(2026, 0, 1) + index).toISOString();
    const grant = adasGrant({ grantID: `g${index}`, requestTime });
    return { ...grant, metadata: { ...grant.metadata, name: `grant-${index}` } };
  });

  const { grants: seen } = viewScope(
    testServices([...reviewedObjects, ...grants]),
    caller("rob", { groups: ["leads"] }),
  );

  expect(seen.length).toBe(reviewedGrantsMax);
  expect([seen[0], seen.includes("g0")]).toEqual([`g${reviewedGrantsMax}`, false]);
});
