import { renameSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Log, LogFields } from "#lib/log.ts";
import { silentLog } from "#lib/log.ts";
import { formatKey, type Grant } from "#kinds/index.ts";
import { grantManifest, keyOfManifest, workflowManifest } from "../contract-objects.ts";
import { massCountMax, massShareMax, massWindowMs } from "../absence.ts";
import { FolderHarness } from "./harness.ts";
import { confirmCommand } from "./reports.ts";

let harness: FolderHarness;
const errors: { message: string; fields: LogFields | undefined }[] = [];
const log: Log = { ...silentLog, error: (message, fields) => errors.push({ message, fields }), with: () => log };

beforeEach(() => {
  errors.length = 0;
  harness = new FolderHarness(log);
});
afterEach(async () => {
  await harness.dispose();
});

const names = ["a", "b", "c", "d", "e", "f"];

async function startedWith(grants: readonly string[], workflows: readonly string[] = []): Promise<void> {
  for (const name of grants) {
    harness.write(`${name}.yaml`, grantManifest(name));
  }
  for (const name of workflows) {
    harness.write(`${name}.yaml`, workflowManifest(name));
  }
  harness.open();
  await harness.source.start();
}

const deleting = () =>
  harness.source
    .list("Grant")
    .filter(({ object }) => object.metadata.deletionTimestamp !== undefined)
    .map(({ object }) => object.metadata.name);

async function erase(...gone: readonly string[]): Promise<void> {
  for (const name of gone) {
    harness.erase(`${name}.yaml`);
  }
  await harness.look();
}

describe("mass disappearance", () => {
  it("is held when more than half of the grants go at once, says so with the command that confirms, and changes nothing", async () => {
    await startedWith(names);

    await erase("a", "b", "c", "d");

    expect(deleting()).toEqual([]);
    expect(harness.source.held()?.keys.map(formatKey)).toEqual(
      ["a", "b", "c", "d"].map((name) => `Grant/default/${name}`),
    );
    expect(harness.source.problems().join()).toContain(confirmCommand);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.fields).toMatchObject({ count: 4, confirm: confirmCommand });
  });

  it("is not held up to a few objects, nor up to half of them", async () => {
    await startedWith(names);
    await erase(...names.slice(0, massCountMax));
    expect(deleting()).toHaveLength(massCountMax);

    harness.clock.advance(massWindowMs);
    const left = names.slice(massCountMax);
    await erase(...left.slice(0, left.length * massShareMax));

    expect(deleting()).toEqual(["a", "b", "c", "d"]);
    expect(harness.source.held()).toBeUndefined();
  });

  it("is held just as well when it comes bit by bit", async () => {
    await startedWith(names);
    await erase("a", "b");
    await erase("c");
    expect(deleting()).toEqual(["a", "b", "c"]);

    await erase("d");

    expect(deleting()).toEqual(["a", "b", "c"]);
    expect(harness.source.held()?.keys.map(({ name }) => name)).toEqual(["d"]);
  });

  it("is held for grants alone, however many other objects stay", async () => {
    await startedWith(["a", "b", "c"], ["u", "v", "w", "x", "y", "z"]);

    await erase("a", "b", "c");

    expect(deleting()).toEqual([]);
    expect(harness.source.held()?.keys).toHaveLength(3);
  });

  it("does not count grants that have ended", async () => {
    await startedWith(names);
    for (const name of ["a", "b", "c"]) {
      const { object } = harness.source.get("Grant", "default", name) as { object: Grant };
      await harness.source.writeStatus(object, (old) => ({ ...old, endTime: "2026-01-01T00:00:00Z" }));
    }

    await erase("a", "b", "c", "d");

    expect(deleting()).toEqual(["a", "b", "c", "d"]);
  });

  it("is over when the files come back", async () => {
    await startedWith(names);
    await erase(...names);
    expect(harness.source.held()?.keys).toHaveLength(6);

    for (const name of names) {
      harness.write(`${name}.yaml`, grantManifest(name));
    }
    await harness.look();

    expect(harness.source.held()).toBeUndefined();
    expect(deleting()).toEqual([]);
    expect(harness.source.problems()).toEqual([]);
  });

  it("goes through when it is confirmed, and only for what is still missing then", async () => {
    await startedWith(names);
    await erase(...names);
    const since = harness.source.held()?.since;
    expect(since).toMatch(/^2026-01-01T00:00:\d\dZ$/);
    harness.write("a.yaml", grantManifest("a"));

    await harness.source.confirmHeld();

    expect(deleting()).toEqual(["b", "c", "d", "e", "f"]);
    expect(harness.source.held()).toBeUndefined();
    await harness.look();
    expect(deleting()).toEqual(["b", "c", "d", "e", "f"]);
  });

  it("is held over a restart", async () => {
    await startedWith(names);
    await harness.source.close();
    for (const name of names) {
      harness.erase(`${name}.yaml`);
    }
    harness.open();

    await harness.source.start();
    await harness.look();

    expect(harness.source.held()?.keys).toHaveLength(6);
    expect(deleting()).toEqual([]);
  });

  it("goes on with everything else meanwhile: new objects, changes, status", async () => {
    await startedWith(names);
    await erase("a", "b", "c", "d");
    harness.write("e.yaml", grantManifest("e", { revocation: { reason: "left the company" } }));
    harness.write("g.yaml", grantManifest("g"));
    await harness.look();

    expect(harness.source.get("Grant", "default", "e")?.object.spec.revocation?.reason).toBe("left the company");
    expect(harness.source.get("Grant", "default", "g")).toBeDefined();
    const { object } = harness.source.get("Grant", "default", "a") as { object: Grant };
    await harness.source.writeStatus(object, (old) => ({ ...old, endTime: "2026-01-01T00:00:00Z" }));
    expect(harness.source.get("Grant", "default", "a")?.object.status?.endTime).toBeDefined();
  });
});

describe("a folder that vanishes", () => {
  it("deletes nothing, however little it held, says why, and is forgiven when it is back", async () => {
    await startedWith(["a"]);
    renameSync(harness.folder, `${harness.folder}-away`);
    await harness.look();

    expect(deleting()).toEqual([]);
    expect(harness.source.held()?.keys).toEqual([keyOfManifest(grantManifest("a"))]);
    expect(harness.source.problems()[0]).toBe("The folder cannot be taken over: it does not exist.");

    renameSync(`${harness.folder}-away`, harness.folder);
    await harness.look();
    expect(harness.source.held()).toBeUndefined();
    expect(harness.source.problems()).toEqual([]);
  });

  it("does not keep a controller that knows its grants from starting: their expiry must go on", async () => {
    await startedWith(["a"]);
    await harness.source.close();
    renameSync(harness.folder, `${harness.folder}-away`);
    harness.open();

    await harness.source.start();

    expect(harness.source.get("Grant", "default", "a")).toBeDefined();
    expect(harness.source.held()?.keys).toHaveLength(1);
  });

  it("is an error for a controller that knows nothing yet, which can start again once it is there", async () => {
    renameSync(harness.folder, `${harness.folder}-away`);
    harness.open();
    await expect(harness.source.start()).rejects.toThrow(/cannot be read: it does not exist/);
    expect(await harness.source.isBlank()).toBe(true);
    renameSync(`${harness.folder}-away`, harness.folder);
    harness.open();

    await harness.source.start();
  });

  it("deletes what it held when that is confirmed", async () => {
    await startedWith(["a"], ["w"]);
    renameSync(harness.folder, `${harness.folder}-away`);
    await harness.look();

    await harness.source.confirmHeld();

    expect(deleting()).toEqual(["a"]);
    expect(harness.source.list("AccessWorkflow")).toEqual([]);
  });
});

describe("recovered grants", () => {
  it("are held like any others when many of them have no file", async () => {
    harness.open().adopt(
      names.map((name) => ({
        key: keyOfManifest(grantManifest(name)),
        uid: crypto.randomUUID(),
        status: { grantID: name },
      })),
    );
    await harness.source.start();
    await harness.look();

    expect(harness.source.held()?.keys).toHaveLength(6);
    expect(harness.source.list("Grant")).toHaveLength(6);
  });

  it("take the spec of their file without regard to rules for changes, once there is one that can be read", async () => {
    harness.write("a.yaml", "{");
    const uid = crypto.randomUUID();
    harness.open().adopt([{ key: keyOfManifest(grantManifest("a")), uid, status: { grantID: "g1" } }]);
    await harness.source.start();
    await harness.look();
    expect(deleting()).toEqual([]);

    harness.write("a.yaml", grantManifest("a"));
    await harness.look();

    expect(harness.source.get("Grant", "default", "a")).toMatchObject({
      object: { metadata: { uid, generation: 1 }, spec: { roleName: "read_only" }, status: { grantID: "g1" } },
      origin: "a.yaml:1",
    });
  });
});
