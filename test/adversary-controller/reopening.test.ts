import { describe, expect, it } from "vitest";
import { getCondition, type Grant } from "#kinds/index.ts";
import { folderWorld, type FolderWorld } from "./folder-world.ts";
import { assignments, changed, grantOf, isLive, isOver, policyObjects, setNames } from "./world.ts";

const live = (grant: Grant | undefined): boolean => grant !== undefined && isLive(grant);
const over = (grant: Grant | undefined): boolean => grant !== undefined && isOver(grant);
const isRefused = (grant: Grant | undefined): boolean =>
  getCondition(grant?.status?.conditions, "Stalled")?.reason === "PreviouslyEnded";

/** Ends the live Grant as `end` does, lets its file go, and brings the very first text back, as a git revert does. */
async function revert(world: FolderWorld, end: (grant: Grant) => void, original: Grant): Promise<Grant | undefined> {
  const before = await world.until("g-1", live);
  end(before as Grant);
  await world.until("g-1", (grant) => grant === undefined || over(grant));
  if (world.get("g-1") !== undefined) {
    world.erase("g-1");
    await world.until("g-1", (grant) => grant === undefined);
  }
  world.write(original);
  await world.source.rescan();
  return world.until("g-1", (grant) => grant !== undefined && (isRefused(grant) || isLive(grant)));
}

describe.concurrent("access that has ended is not opened by bringing its file back", () => {
  it.each<[string, (world: FolderWorld) => (grant: Grant) => void]>([
    ["deleted", (world) => () => world.erase("g-1")],
    ["revoked", (world) => (grant) => world.write(changed(grant, { revocation: { reason: "x" } }))],
    [
      "cut short by notAfterTime, which the first text has later",
      (world) => (grant) => world.write(changed(grant, { notAfterTime: new Date(Date.now() - 1_000).toISOString() })),
    ],
  ])("%s", async (_title, end) => {
    const original = grantOf(1);
    await using world = await folderWorld([...policyObjects(), original]);

    const back = await revert(world, end(world), original);

    expect(isRefused(back)).toBe(true);
    expect(assignments(world.sandbox)).toEqual([]);
    expect(setNames(world.sandbox)).toEqual([]);
  });
});
