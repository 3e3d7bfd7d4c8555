import { describe, expect, it, vi } from "vitest";
import { getCondition, type Grant } from "#kinds/index.ts";
import { has } from "../controller/harness.ts";
import { type FaultWorld, faultTestMs, isOver, startFaultWorld } from "./world.ts";

vi.setConfig({ testTimeout: faultTestMs });

const isLive = (grant: Grant): boolean => has(grant, "Active", "True", "Active");
const isWaiting = (grant: Grant): boolean => has(grant, "Ready", "False", "QuotaExceeded");
const liveNames = ({ source }: FaultWorld): string[] =>
  source.list("Grant").flatMap(({ object }) => (isLive(object) ? [object.metadata.name] : []));

describe.concurrent.each([
  // One set is everybody's identity set, which is provisioned in the first account.
  ["of one account", { provisionedSetsPerAccountMax: 3 }, /account 111122223333 holds as many permission sets/],
  ["of the instance", { permissionSetsMax: 3 }, /holds as many permission sets as its quota allows/],
])("the quota of permission sets %s", (_title, limits, words) => {
  it("is said with what to do, nothing is left half-made meanwhile, and freed room is used at once", async () => {
    await using world = await startFaultWorld({ sandbox: { limits } });
    const names = ["g1", "g2", "g3", "g4"];
    world.want("g1");
    world.want("g2");
    await world.until("g1", isLive);
    await world.until("g2", isLive);

    world.want("g3");
    const waiting = await world.until(
      "g3",
      (grant) => isWaiting(grant) && grant.status?.external?.permissionSetARN === undefined,
    );
    world.want("g4");
    await world.until("g4", isWaiting);
    expect(getCondition(waiting.status?.conditions, "Ready")?.message).toMatch(words);
    expect(getCondition(waiting.status?.conditions, "Ready")?.message).toContain("ask AWS for a higher quota");
    expect(world.ledger.setsHeld()).toHaveLength(2);
    const refusedBefore = refusals(world);
    world.revoke("g1");
    await Promise.any(["g3", "g4"].map((name) => world.until(name, isLive)));
    for (const name of liveNames(world)) {
      world.revoke(name);
    }
    await Promise.all(["g3", "g4"].map((name) => world.until(name, (grant) => isLive(grant) || isOver(grant))));
    for (const name of names) {
      world.revoke(name);
    }
    await world.allOver();

    // Each that waits is refused once when the place is full and at most once more when it was told of room.
    expect(refusals(world) - refusedBefore).toBeLessThanOrEqual(2);
    world.ledger.assertNothingLeft();
  });
});

describe.concurrent("a Grant that waits for room", () => {
  it("asks AWS for nothing, and ends without it", async () => {
    await using world = await startFaultWorld({ sandbox: { limits: { provisionedSetsPerAccountMax: 2 } } });
    world.want("g1");
    await world.until("g1", isLive);
    world.want("g2");
    await world.until("g2", (grant) => isWaiting(grant) && grant.status?.external?.permissionSetARN === undefined);
    const before = world.sandbox.calls.length;

    world.source.put({ ...(world.get("g1") as Grant) });
    world.remove("g2");
    await world.until("g2", isOver);

    const calls = world.sandbox.calls.slice(before).map(({ operation }) => operation);
    expect(calls.filter((operation) => operation.startsWith("Create"))).toEqual([]);
    world.revoke("g1");
    await world.allOver();
    world.ledger.assertNothingLeft();
  });
});

function refusals({ ledger }: FaultWorld): number {
  return Object.entries(ledger.answers())
    .filter(([answer]) => answer.endsWith("ServiceQuotaExceededException"))
    .reduce((sum, [, count]) => sum + count, 0);
}
