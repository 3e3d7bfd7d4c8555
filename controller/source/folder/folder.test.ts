import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatKey } from "#kinds/index.ts";
import { manifestBytesMax } from "#kinds/parse.ts";
import { grantManifest, workflowManifest } from "../contract-objects.ts";
import { settleMs } from "../absence.ts";
import { FolderHarness } from "./harness.ts";

let harness: FolderHarness;

beforeEach(() => {
  harness = new FolderHarness();
});
afterEach(async () => {
  await harness.dispose();
});

async function started(): Promise<void> {
  harness.open();
  await harness.source.start();
}

const grant = (name = "ada") => harness.source.get("Grant", "default", name);
const problems = () => harness.source.problems().join("\n");

describe("what is read", () => {
  it("reads YAML and JSON, several objects in a file, in directories of any name and depth", async () => {
    harness.write("one.yaml", grantManifest("a"), grantManifest("b"));
    harness.write("team/data/two.yml", grantManifest("c"));
    harness.write("three.JSON", grantManifest("d"));

    await started();

    expect(harness.source.list("Grant").map(({ object, origin }) => [object.metadata.name, origin])).toEqual([
      ["a", "one.yaml:1"],
      ["b", "one.yaml:3"],
      ["c", "team/data/two.yml:1"],
      ["d", "three.JSON:1"],
    ]);
    expect(harness.source.problems()).toEqual([]);
  });

  it("passes over dot-files, what editors leave behind, and files of other kinds", async () => {
    const names = [".hidden.yaml", ".git/x.yaml", "a.yaml~", "#a.yaml#", ".a.yaml.swp", "a.yaml.tmp", "b.yaml.bak"];
    for (const name of [...names, "README.md", "kustomization.txt"]) {
      harness.write(name, grantManifest("a"));
    }

    await started();

    expect(harness.source.list("Grant")).toEqual([]);
    expect(harness.source.problems()).toEqual([]);
  });

  it("puts objects that name no namespace into the one it was given", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    harness.open({ namespace: "prod" });
    await harness.source.start();

    expect(harness.source.get("Grant", "prod", "ada")).toBeDefined();
  });

  it("sees a second write of the same size within the resolution of the file's times", async () => {
    harness.write("a.yaml", grantManifest("ada", { reason: "one" }));
    await started();
    harness.write("a.yaml", grantManifest("ada", { reason: "two" }));
    await harness.source.rescan();

    expect(grant()?.object.spec.reason).toBe("two");
  });
});

describe("a file that is broken", () => {
  it("is told of as read, with how many of its files have problems, and as not read while it cannot be", async () => {
    harness.write("a.yaml", grantManifest("ada"), "kind: Grant\n  spec: [");
    harness.write("b.yaml", grantManifest("bob"), { ...grantManifest("cy"), spec: {} });
    harness.write("c.yaml", grantManifest("dee"));
    await started();
    const lastReadMs = harness.clock.monotonicMs();

    expect(harness.source.progress()).toEqual({ lastReadMs, files: 3, filesWithProblems: 2 });
    harness.clock.advance(1_000);
    harness.write("b.yaml", grantManifest("bob"));
    await harness.source.rescan();
    const read = { lastReadMs: lastReadMs + 1_000, files: 3, filesWithProblems: 1 };
    expect(harness.source.progress()).toEqual(read);
    harness.erase(".");
    harness.clock.advance(1_000);
    await harness.source.rescan();

    expect(harness.source.progress()).toEqual(read);
  });

  it("keeps its last good objects, also over a restart, and says where it is wrong", async () => {
    harness.write("a.yaml", grantManifest("ada"), grantManifest("bob"));
    await started();
    const before = grant()?.object;
    harness.write("a.yaml", grantManifest("ada"), "kind: Grant\n  spec: [");
    await harness.look();

    expect(grant()?.object).toEqual(before);
    expect(grant("bob")?.object.metadata.deletionTimestamp).toBeUndefined();
    expect(problems()).toMatch(/^a\.yaml:\d+:\d+: /m);

    await harness.source.close();
    await started();
    await harness.look();
    expect(grant("bob")?.object.metadata.deletionTimestamp).toBeUndefined();
  });

  it("is healed by mending it, with nothing lost", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    await started();
    const uid = grant()?.object.metadata.uid;
    harness.write("a.yaml", "{");
    await harness.look();
    harness.write("a.yaml", grantManifest("ada", { durationSeconds: 600 }));
    await harness.look();

    expect(grant()?.object.metadata).toMatchObject({ uid, generation: 2 });
    expect(harness.source.problems()).toEqual([]);
  });

  it("refuses one object for its own fault and goes on with the others", async () => {
    harness.write("a.yaml", grantManifest("ada"), grantManifest("bob"));
    await started();
    const seen: string[] = [];
    harness.source.subscribe((key) => seen.push(formatKey(key)));

    harness.write("a.yaml", grantManifest("ada", { durationSeconds: 1 }), grantManifest("bob", { reason: "T-1" }));
    await harness.look();

    expect(grant()?.object.spec.durationSeconds).toBe(3600);
    expect(grant()?.problems.join()).toMatch(/a\.yaml:1:\d+: spec\.durationSeconds: /);
    expect(grant("bob")).toMatchObject({ object: { spec: { reason: "T-1" } }, problems: [] });
    expect([...new Set(seen)].sort()).toEqual(["Grant/default/ada", "Grant/default/bob"]);
  });

  it("enforces the rules for changes against what was last accepted, at the place of the field", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    await started();
    harness.write(
      "a.yaml",
      "# moved down\n" + JSON.stringify(grantManifest("ada", { roleName: "app_owner" }), null, 2),
    );
    await harness.look();

    expect(grant()?.object.spec.roleName).toBe("read_only");
    expect(problems()).toMatch(/^a\.yaml:\d+:\d+: spec\.roleName: .*immutable/m);
  });

  it("refuses unknown fields, unknown kinds, and a status that somebody wrote", async () => {
    harness.write("a.yaml", { ...grantManifest("a"), status: { grantID: "g1" } } as never);
    harness.write("b.yaml", grantManifest("b", { durationSecond: 60 }));
    harness.write("c.yaml", { ...grantManifest("c"), kind: "Grnat" });

    await started();

    expect(harness.source.list("Grant")).toEqual([]);
    expect(problems()).toMatch(/^a\.yaml:1:\d+: status: .*written by the controller only/m);
    expect(problems()).toMatch(/^b\.yaml:.*durationSecond/m);
    expect(problems()).toMatch(/^c\.yaml:.*Grnat/m);
  });

  it("does not delete an object whose kind or name was mistyped", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    await started();

    for (const broken of [{ kind: "Grnat" }, { metadata: { nmae: "ada" } }, { apiVersion: "v2" }]) {
      harness.write("a.yaml", { ...grantManifest("ada"), ...broken } as never);
      await harness.look();
      await harness.look();
      expect(grant()?.object.metadata.deletionTimestamp).toBeUndefined();
    }
  });

  it("keeps what was in a file that became too large or unreadable", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    await started();

    harness.write("a.yaml", `# ${"x".repeat(manifestBytesMax)}`);
    await harness.look();
    expect(problems()).toMatch(/at most 1048576 bytes/);
    expect(grant()?.object.metadata.deletionTimestamp).toBeUndefined();

    harness.erase("a.yaml");
    symlinkSync("nowhere.yaml", join(harness.folder, "a.yaml"));
    await harness.look();
    expect(problems()).toMatch(/a\.yaml: cannot be read: the link leads nowhere/);
    expect(grant()?.object.metadata.deletionTimestamp).toBeUndefined();
  });

  it("keeps what is below a directory that cannot be read", async () => {
    harness.write("team/a.yaml", grantManifest("ada"));
    await started();
    harness.erase("team");
    symlinkSync("nowhere", join(harness.folder, "team"));

    await harness.look();

    expect(grant()?.object.metadata.deletionTimestamp).toBeUndefined();
    expect(problems()).toMatch(/team: cannot be read: the link leads nowhere/);
  });
});

describe("one object in two places", () => {
  it("refuses both with both places, keeps the last good one, and goes on with everything else", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    await started();
    const before = grant()?.object;
    harness.write("b.yaml", grantManifest("ada", { durationSeconds: 600 }), grantManifest("bob"));
    harness.write("a.yaml", grantManifest("ada", { durationSeconds: 1200 }));
    await harness.look();

    expect(grant()?.object).toEqual(before);
    expect(problems()).toMatch(/^a\.yaml:1:.*also defined at b\.yaml:1/m);
    expect(problems()).toMatch(/^b\.yaml:1:.*also defined at a\.yaml:1/m);
    expect(grant("bob")).toBeDefined();
  });

  it("accepts neither where there is no last good one, and the one that is left once it is settled", async () => {
    harness.write("a.yaml", grantManifest("ada"), grantManifest("ada"));
    await started();
    expect(grant()).toBeUndefined();

    harness.write("a.yaml", grantManifest("ada"));
    await harness.look();

    expect(grant()).toBeDefined();
    expect(harness.source.problems()).toEqual([]);
  });

  it("follows an object from file to file as the same object", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    await started();
    const uid = grant()?.object.metadata.uid;
    mkdirSync(join(harness.folder, "team"));
    renameSync(join(harness.folder, "a.yaml"), join(harness.folder, "team/b.yaml"));
    await harness.look();

    expect(grant()?.object.metadata).toMatchObject({ uid, generation: 1 });
    expect(grant()?.object.metadata.deletionTimestamp).toBeUndefined();
    expect(grant()?.origin).toBe("team/b.yaml:1");
  });

  it("does not let another file take an object over while its own cannot be read", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    await started();
    harness.write("a.yaml", "{");
    harness.write("b.yaml", grantManifest("ada", { durationSeconds: 600 }));
    await harness.look();

    expect(grant()?.object.spec.durationSeconds).toBe(3600);
    expect(problems()).toMatch(/b\.yaml:1:.*already defined in a\.yaml, which cannot be fully read now/);
  });

  it("does not let a file take over what was made through the API", async () => {
    await started();
    await harness.source.create(grantManifest("ada") as never);
    harness.write("a.yaml", grantManifest("ada", { durationSeconds: 600 }));
    await harness.look();

    expect(grant()).toMatchObject({ origin: "api", object: { spec: { durationSeconds: 3600 } } });
    expect(problems()).toMatch(/a\.yaml:1:.*already defined through the control API/);
  });

  it("does not let the API take a name that a refused object of a file has", async () => {
    harness.write("a.yaml", grantManifest("ada", { durationSeconds: 1 }));
    await started();

    await expect(harness.source.create(grantManifest("ada") as never)).rejects.toThrow("a.yaml:1");
  });
});

describe("deletion by file", () => {
  it("is not seen in a moment's absence, as editors and git leave when they replace a file", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    await started();
    harness.erase("a.yaml");
    await harness.source.rescan();
    harness.clock.advance(settleMs - 1);
    await harness.source.rescan();
    harness.write("a.yaml", grantManifest("ada"));
    await harness.look();

    expect(grant()?.object.metadata.deletionTimestamp).toBeUndefined();
  });

  it("is not seen while the file is still being written", async () => {
    harness.write("a.yaml", grantManifest("ada"), grantManifest("bob"));
    await started();
    for (const text of ["", "# 1", "# 22", "# 333"]) {
      writeFileSync(join(harness.folder, "a.yaml"), text);
      await harness.source.rescan();
      harness.clock.advance(settleMs - 1);
    }
    expect(grant()?.object.metadata.deletionTimestamp).toBeUndefined();

    await harness.look();

    expect(grant()?.object.metadata.deletionTimestamp).toBeDefined();
  });

  it("looks again by itself when the moment is over", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    await started();
    harness.erase("a.yaml");
    await harness.source.rescan();

    const told = new Promise<string>((resolve) => harness.source.subscribe((key) => resolve(formatKey(key))));
    harness.clock.advance(settleMs);

    expect(await told).toBe("Grant/default/ada");
    expect(grant()?.object.metadata.deletionTimestamp).toBeDefined();
  });

  it("cannot be undone: the same text makes a new object once the old one is released", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    await started();
    const old = grant()?.object;
    harness.erase("a.yaml");
    await harness.look();
    harness.write("a.yaml", grantManifest("ada", { roleName: "app_owner" }));
    await harness.look();
    expect(grant()?.object).toMatchObject({ metadata: { uid: old?.metadata.uid }, spec: { roleName: "read_only" } });
    expect(grant()?.object.metadata.deletionTimestamp).toBeDefined();

    await harness.source.release(grant()?.object as never);

    expect(grant()?.object).toMatchObject({ metadata: { generation: 1 }, spec: { roleName: "app_owner" } });
    expect(grant()?.object.metadata.uid).not.toBe(old?.metadata.uid);
    expect(grant()?.object.metadata.deletionTimestamp).toBeUndefined();
  });

  it("happens while the controller was down, too", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    harness.write("w.yaml", workflowManifest("quick"));
    await started();
    await harness.source.close();
    harness.erase("a.yaml");
    await started();
    expect(grant()?.object.metadata.deletionTimestamp).toBeUndefined();

    await harness.look();

    expect(grant()?.object.metadata.deletionTimestamp).toBeDefined();
  });
});
