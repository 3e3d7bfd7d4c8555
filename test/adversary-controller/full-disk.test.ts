import { StatementSync } from "node:sqlite";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Grant } from "#kinds/index.ts";
import { folderWorld, type FolderWorld } from "./folder-world.ts";
import { assignments, changed, grantOf, isLive, isOver, policyObjects, setNames } from "./world.ts";

afterEach(() => vi.restoreAllMocks());

/** From now on SQLite answers every write as it does on a full disk (SQLITE_FULL, 13). */
function fillDisk() {
  return vi.spyOn(StatementSync.prototype, "run").mockImplementation(() => {
    throw Object.assign(new Error("database or disk is full"), { code: "ERR_SQLITE_ERROR", errcode: 13 });
  });
}

const isGivenBack = ({ sandbox }: FolderWorld) => assignments(sandbox).length === 0;
const live = (grant: Grant | undefined): boolean => grant !== undefined && isLive(grant);
const inThreeSeconds = (): string => new Date(Date.now() + 3_000).toISOString();

describe("while the state cannot be written, access ends at the proxies and in AWS all the same", () => {
  it.each<[string, (world: FolderWorld, grant: Grant) => void, (() => Partial<Grant["spec"]>)?]>([
    ["when its file is deleted", (world) => world.erase("g-1")],
    [
      "when its file says spec.revocation",
      (world, grant) => world.write(changed(grant, { revocation: { reason: "x" } })),
    ],
    ["when its time is over", () => {}, () => ({ notAfterTime: inThreeSeconds() })],
  ])("%s, and is on record once the disk takes it", async (_title, end, spec) => {
    await using world = await folderWorld([...policyObjects(), grantOf(1, spec?.())]);
    const before = await world.until("g-1", live);
    world.told.length = 0;
    const disk = fillDisk();

    end(world, before as Grant);
    await world.until("g-1", () => isGivenBack(world));
    const told = world.told.find(({ status }) => status?.end !== undefined);
    disk.mockRestore();
    await world.until("g-1", (grant) => grant === undefined || isOver(grant));

    expect(told?.status?.end).toBeDefined();
    expect(setNames(world.sandbox)).toEqual([]);
  });

  it("opens nothing new", async () => {
    await using world = await folderWorld([...policyObjects(), grantOf(1)]);
    await world.until("g-1", live);
    fillDisk();

    world.write(grantOf(2));
    await world.source.rescan();

    expect(world.get("g-2")).toBeUndefined();
    expect(world.source.problems().join()).toContain("database or disk is full");
  });
});
