import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Grant } from "#kinds/index.ts";
import { grantManifest, workflowManifest } from "#controller/source/contract-objects.ts";
import { FolderHarness } from "#controller/source/folder/harness.ts";
import { isBlankState, stateFile } from "#controller/state/sqlite.ts";
import { directoriesMax } from "#controller/source/folder/walk.ts";
import { recoveredRow } from "#controller/source/folder/rows.ts";
import { liveStatus } from "#controller/reconcile/grant/testing.ts";
import { uidOf } from "#controller/reconcile/testing.ts";

let world: FolderHarness;
beforeEach(() => {
  world = new FolderHarness();
});
afterEach(() => world.dispose());

/** A state that a controller has used. */
async function used(): Promise<string> {
  world.write("w.yaml", workflowManifest("auto"));
  const source = world.open();
  await source.start();
  await source.close();
  return stateFile(world.state);
}

describe("a state that is damaged stops the start, in words, and changes nothing", () => {
  it.each<[string, (file: string) => void]>([
    [
      "other bytes",
      (file) => writeFileSync(file, "this is no database, but it is long enough to be looked at".repeat(20)),
    ],
    ["half of it", (file) => truncateSync(file, 4_096)],
    ["a row that is no JSON", (file) => corrupt(file, "{")],
    ["a row that is another thing", (file) => corrupt(file, '{"kind":"Pod","metadata":{"name":"x"}}')],
    ["a row that is null", (file) => corrupt(file, "null")],
  ])("%s", async (_title, damage) => {
    const file = await used();
    damage(file);

    const start = async (): Promise<void> => {
      isBlankState(world.state);
      await world.open().start();
    };

    await expect(start()).rejects.toMatchObject({ code: "StateUnusable", next: expect.stringContaining("backup") });
  });

  function corrupt(file: string, text: string): void {
    const db = new DatabaseSync(file);
    db.prepare("UPDATE object SET object = ?").run(text);
    db.close();
  }
});

describe("a folder made to keep the controller busy", () => {
  it("of links that lead to two to the twentieth paths is given up, and what was known stays", async () => {
    await used();
    for (let level = 0; level < 20; level += 1) {
      mkdirSync(join(world.folder, `l${level}`));
      for (const name of ["a", "b"]) {
        symlinkSync(join(world.folder, `l${level + 1}`), join(world.folder, `l${level}`, name));
      }
    }
    mkdirSync(join(world.folder, "l20"));
    const source = world.open();

    await source.start();

    expect(source.problems().join()).toContain(`more than ${directoriesMax} directories`);
    expect(source.get("AccessWorkflow", "default", "auto")).toBeDefined();
  });
});

describe("a grant that was read back from AWS", () => {
  const adopt = async (change: Partial<Grant["spec"]>) => {
    const key = { kind: "Grant", namespace: "default", name: "ada-orders" } as const;
    const recovered = { key, uid: uidOf(1), status: liveStatus(), spec: { databaseRef: { name: "orders" } } };
    const given = recoveredRow(recovered, world.clock.now()).object as Grant;
    const manifest = grantManifest("ada-orders");
    const { principal, databaseRef, roleName } = given.spec;
    world.write("g.yaml", {
      ...manifest,
      spec: { ...manifest.spec, principal, databaseRef, roleName, ...change },
    } as never);
    const source = world.open();
    source.adopt([recovered]);
    await source.start();
    await world.look();
    return source.get("Grant", "default", "ada-orders");
  };

  it("goes on where its text asks for the same", async () => {
    const stored = await adopt({});

    expect(stored?.object.metadata.uid).toBe(uidOf(1));
    expect(stored?.object.metadata.deletionTimestamp).toBeUndefined();
  });

  it.each<[string, Partial<Grant["spec"]>]>([
    ["another person", { principal: { name: "grace" } }],
    ["another database", { databaseRef: { name: "billing" } }],
    ["another role", { roleName: "app_owner" }],
  ])("is taken away where the text of that name is for %s by now", async (_title, change) => {
    const stored = await adopt(change);

    expect(stored?.object.metadata.uid).toBe(uidOf(1));
    expect(stored?.object.metadata.deletionTimestamp).toBeDefined();
    expect(stored?.object.spec.principal.name).toBe("ada");
  });
});
