import { describe, expect, it, vi } from "vitest";
import { getCondition, type Grant } from "#kinds/index.ts";
import { has } from "../controller/harness.ts";
import { type FaultWorld, accountIDs, faultTestMs, isOver, startFaultWorld } from "./world.ts";

vi.setConfig({ testTimeout: faultTestMs });

const isLive = (grant: Grant): boolean => has(grant, "Active", "True", "Active");
const isAdrift = (grant: Grant): boolean => has(grant, "Ready", "False", "DriftDetected");
const messageOf = (grant: Grant): string => getCondition(grant.status?.conditions, "Ready")?.message ?? "";
const administrator = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };

/** What somebody does by hand to a live grant's set, and how its Grant then speaks of it. */
const changes: readonly [string, (world: FaultWorld, set: string) => void, RegExp][] = [
  ["the assignment deleted", ({ hands }, set) => hands.unassign(set), /assignment was deleted by somebody else/],
  ["the set deleted", ({ hands }, set) => hands.deleteSet(set), /set was deleted by somebody else/],
  [
    "the policy altered",
    ({ hands }, set) => hands.putPolicy(set, administrator),
    /policy was changed by somebody else/,
  ],
  ["the tags removed", ({ hands }, set) => hands.untag(set), /tags were removed by somebody else/],
];

/** What AWS holds of a set, to compare before and after. */
function heldOf({ sandbox: { state } }: FaultWorld, name: string) {
  const set = [...state.permissionSets.values()].find((one) => one.name === name);
  const holders = [...state.assignments.values()].filter(({ permissionSetARN }) => permissionSetARN === set?.arn);
  const tags = Object.fromEntries([...(set?.tags ?? [])].toSorted(([one], [other]) => (one < other ? -1 : 1)));
  return { policy: set?.inlinePolicy, tags, holders: holders.map(({ principalID }) => principalID) };
}

async function withLive(driftPolicy: "Correct" | "Report") {
  const world = await startFaultWorld({ proxy: { driftPolicy, driftCheckPeriodSeconds: 1 } });
  world.want("g");
  const live = await world.until("g", isLive);
  return { world, live, set: live.status?.grantID ?? "" };
}

describe.concurrent("what is changed by hand and corrected", () => {
  it.each(changes)("%s: is as it was, in the window that was given, and nothing else is touched", async (_t, act) => {
    const { world, live, set } = await withLive("Correct");
    await using _ = world;
    const before = heldOf(world, set);

    act(world, set);
    expect(heldOf(world, set)).not.toEqual(before);
    await world.until("g", (grant) => isLive(grant) && heldOf(world, set).policy === before.policy && sameTags());
    world.revoke("g");
    const over = await world.until("g", isOver);

    function sameTags(): boolean {
      const { tags, holders } = heldOf(world, set);
      return holders.length === 1 && tags["sallyport.dev/grant-uid"] === before.tags["sallyport.dev/grant-uid"];
    }
    expect(over.status?.expiryTime).toBe(live.status?.expiryTime);
    world.ledger.assertNothingLeft();
  });
});

describe.concurrent("what is changed by hand and only reported", () => {
  it.each(changes)("%s: is said where a person reads it, and stays as it is", async (_title, act, words) => {
    const { world, set } = await withLive("Report");
    await using _ = world;

    act(world, set);
    const after = heldOf(world, set);
    const reported = await world.until("g", isAdrift);
    const looked = reported.status?.conditions;

    expect(messageOf(reported)).toMatch(words);
    expect(messageOf(reported)).toContain("driftPolicy is Report");
    expect(looked?.some(({ type }) => type === "Reconciling")).toBe(false);
    expect(heldOf(world, set)).toEqual(after);
    world.ledger.assertHolds();
  });
});

describe.concurrent("assignments that somebody else made to our set", () => {
  it("are left alone and reported while the grant lives, and after its end until they are gone", async () => {
    const { world, set } = await withLive("Correct");
    await using _ = world;
    const grace = world.userID("grace");

    world.hands.assign(set, grace, accountIDs[0]);
    const reported = await world.until("g", isAdrift);
    world.revoke("g");
    const stalled = await world.until("g", (grant) => has(grant, "Stalled", "True", "ForeignAssignment"));

    expect(has(reported, "Active", "True")).toBe(true);
    expect(messageOf(reported)).toContain(grace);
    expect(messageOf(stalled)).toContain(grace);
    expect(heldOf(world, set).holders).toEqual([grace]);
    world.ledger.assertHolds();
    world.hands.unassign(set, grace);
    await world.restart();
    await world.until("g", isOver);
    world.ledger.assertNothingLeft();
  });
});
