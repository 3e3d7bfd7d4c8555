import { renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { formatKey } from "#kinds/index.ts";
import { grantManifest } from "../contract-objects.ts";
import { FolderHarness } from "./harness.ts";
import { createFolderReader, freshMs, FolderUnsteady, scanTriesMax, type Snapshot } from "./snapshot.ts";
import { watchable, watchBySystem, watchedDirectoriesMax } from "./watch.ts";

let harness: FolderHarness;

beforeEach(() => {
  harness = new FolderHarness();
});
afterEach(async () => {
  await harness.dispose();
});

const names = ["ada", "bob", "eve"];

/** Writes a version of the whole folder, as git-sync does, and points the link to it that the files are read through. */
function swapTo(version: string): void {
  for (const name of names) {
    harness.write(`..${version}/${name}.yaml`, grantManifest(name, { reason: version }));
  }
  symlinkSync(`..${version}`, join(harness.folder, "..next"));
  renameSync(join(harness.folder, "..next"), join(harness.folder, "..data"));
}

function linked(version: string): void {
  swapTo(version);
  for (const name of names) {
    symlinkSync(`..data/${name}.yaml`, join(harness.folder, `${name}.yaml`));
  }
}

function versions(snapshot: Snapshot): readonly unknown[] {
  const entries = [...snapshot.files.values()].flatMap((file) => file.entries);
  return entries.map(({ object }) => object?.kind === "Grant" && object.spec.reason);
}

describe("a scan", () => {
  it("never mixes two versions of a mount that is swapped while it is read, at whichever file", async () => {
    for (const at of [1, 2, 3, 4]) {
      await harness.dispose();
      harness = new FolderHarness();
      linked("v1");
      let calls = 0;
      const reader = createFolderReader(harness.folder, "default", () => {
        calls += 1;
        if (calls === at) {
          swapTo("v2");
        }
        return 0;
      });

      const snapshot = await reader.read();

      const expected = at <= names.length ? "v2" : "v1";
      expect(versions(snapshot)).toEqual([expected, expected, expected]);
    }
  });

  it("gives up on a folder that never stands still, until the next scan", async () => {
    linked("v0");
    let swaps = 0;
    const reader = createFolderReader(harness.folder, "default", () => {
      if (swaps < scanTriesMax * names.length) {
        swaps += 1;
        swapTo(`v${swaps}`);
      }
      return 0;
    });

    await expect(reader.read()).rejects.toThrow(FolderUnsteady);

    const reasons = versions(await reader.read());
    expect(new Set(reasons)).toEqual(new Set([`v${swaps}`]));
  });

  it("parses only what changed, once a file has been still for long enough", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    let nowMs = 0;
    const reader = createFolderReader(harness.folder, "default", () => nowMs);
    const first = await reader.read();
    nowMs = freshMs;
    const second = await reader.read();
    const third = await reader.read();
    harness.write("b.yaml", grantManifest("bob"));
    const fourth = await reader.read();

    expect(third).toBe(second);
    expect(fourth.files.get("a.yaml")).toBe(first.files.get("a.yaml"));
    expect([...fourth.files.keys()]).toEqual(["a.yaml", "b.yaml"]);
  });
});

describe("a watched folder", () => {
  it("watches no more directories than the limit, and the upper ones first", () => {
    const deep = Array.from({ length: watchedDirectoriesMax }, (_, index) => `/folder/team/${index}`);

    const watched = watchable([...deep, "/folder", "/folder/team"]);

    expect(watched.size).toBe(watchedDirectoriesMax);
    expect([...watched].slice(0, 2)).toEqual(["/folder", "/folder/team"]);
  });

  it("is read soon after a file changes anywhere in it, without waiting for the period", async () => {
    harness.write("team/a.yaml", grantManifest("ada"));
    harness.open({ clock: systemClock, watch: watchBySystem, scanPeriodMs: 3_600_000 });
    await harness.source.start();
    const told = new Promise<string>((resolve) => harness.source.subscribe((key) => resolve(formatKey(key))));

    harness.write("team/b.yaml", grantManifest("bob"));

    expect(await told).toBe("Grant/default/bob");
  });
});
