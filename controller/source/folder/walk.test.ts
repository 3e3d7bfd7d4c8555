import { renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatKey } from "#kinds/index.ts";
import { grantManifest } from "../contract-objects.ts";
import { FolderHarness } from "./harness.ts";
import { scanPeriodMs } from "./options.ts";
import { filesMax, folderDepthMax } from "./walk.ts";

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

describe("a mount that is swapped", () => {
  /** A ConfigMap mount: files are links through `..data`, which is a link to a dated directory. */
  function mount(version: string, ...names: string[]): void {
    for (const name of names) {
      harness.write(`..${version}/${name}.yaml`, grantManifest(name, { reason: version }));
    }
    symlinkSync(`..${version}`, join(harness.folder, "..data_tmp"));
    renameSync(join(harness.folder, "..data_tmp"), join(harness.folder, "..data"));
  }

  it("is read through its links, and followed when the link is swapped", async () => {
    mount("v1", "ada", "bob");
    for (const name of ["ada", "bob"]) {
      symlinkSync(`..data/${name}.yaml`, join(harness.folder, `${name}.yaml`));
    }
    await started();
    expect(harness.source.list("Grant").map(({ object }) => object.spec.reason)).toEqual(["v1", "v1"]);
    const uid = grant()?.object.metadata.uid;

    mount("v2", "ada", "bob");
    harness.erase("..v1");
    await harness.look();

    expect(harness.source.list("Grant").map(({ object }) => object.spec.reason)).toEqual(["v2", "v2"]);
    expect(grant()?.object.metadata.uid).toBe(uid);
  });

  it("does not follow links in circles", async () => {
    harness.write("team/a.yaml", grantManifest("ada"));
    symlinkSync("..", join(harness.folder, "team/up"));

    await started();

    expect(harness.source.list("Grant")).toHaveLength(1);
    expect(problems()).toMatch(/team\/up: cannot be read: the link leads back/);
  });
});

describe("limits", () => {
  it("enters directories to a depth, and says where it stopped", async () => {
    const path = Array.from({ length: folderDepthMax - 1 }, () => "d").join("/");
    harness.write(`${path}/a.yaml`, grantManifest("ada"));
    harness.write(`${path}/d/b.yaml`, grantManifest("bob"));

    await started();

    expect(grant()).toBeDefined();
    expect(grant("bob")).toBeUndefined();
    expect(problems()).toMatch(/^d\/.*: cannot be read: it lies deeper than 32 directories$/m);
  });

  it("looks at the folder once in each period without being told to", async () => {
    await started();
    harness.write("a.yaml", grantManifest("ada"));
    const told = new Promise<string>((resolve) => harness.source.subscribe((key) => resolve(formatKey(key))));

    harness.clock.advance(scanPeriodMs);

    expect(await told).toBe("Grant/default/ada");
  });

  it("uses nothing of a folder with too many files, and says so", async () => {
    harness.write("a.yaml", grantManifest("ada"));
    await started();
    // A hundred files, reached through many links: as many to walk, fewer to make.
    for (let index = 0; index < 100; index += 1) {
      harness.write(`many/${index}.yaml`, "");
    }
    for (let index = 0; index < filesMax / 100; index += 1) {
      symlinkSync("many", join(harness.folder, `link-${index}`));
    }
    await harness.look();

    expect(problems()).toMatch(/more than 10000 manifest files/);
    expect(harness.source.held()).toBeUndefined();
    expect(grant()?.problems).toEqual([]);
    expect(grant()?.object.metadata.deletionTimestamp).toBeUndefined();
  });
});
