import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AccessWorkflow, Grant } from "#kinds/index.ts";
import { grantManifest, workflowManifest } from "../source/contract-objects.ts";
import { FolderHarness } from "../source/folder/harness.ts";
import { takeLock } from "./lock.ts";
import { isBlankState, openState, stateFile } from "./sqlite.ts";
import type { ObjectRow } from "./state.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sallyport-state-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const row: ObjectRow = {
  object: {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "Grant",
    metadata: { name: "ada", namespace: "default", uid: "u", generation: 1 },
    spec: {},
    status: { grantID: "g1" },
  } as unknown as Grant & ObjectRow["object"],
  digest: "sha256:a",
  origin: { via: "file", file: "a.yaml", line: 1 },
};

describe("state", () => {
  it("gives back what was written, and nothing of what was removed", () => {
    const tombstone = {
      namespace: "default",
      name: "ada",
      uid: "u",
      specDigest: "d",
      notAfterTime: "2026-02-01T00:00:00Z",
    };
    const state = openState(directory);
    state.write({ put: [row, { ...row, object: { ...row.object, kind: "Proxy" } as unknown as ObjectRow["object"] }] });
    state.write({ remove: [{ kind: "Proxy", namespace: "default", name: "ada" }] });
    state.putTombstone(tombstone);
    state.putTombstone({ ...tombstone, specDigest: "e" });
    state.dropTombstone({ ...tombstone, specDigest: "e" });
    state.close();

    const again = openState(directory);

    expect(again.load()).toEqual({ objects: [row], tombstones: [tombstone] });
    again.close();
  });

  it("writes all of a change or nothing of it", () => {
    const state = openState(directory);
    const unwritable = { ...row, digest: undefined as unknown as string };

    expect(() => state.write({ put: [row, unwritable] })).toThrow();

    expect(state.load().objects).toEqual([]);
    state.close();
  });

  it("is blank until a start is marked", () => {
    expect(isBlankState(directory)).toBe(true);
    const state = openState(directory);
    expect(isBlankState(directory)).toBe(true);

    state.markStarted();

    expect(isBlankState(directory)).toBe(false);
    state.close();
  });

  it("is in WAL mode, so that whoever reads it for a backup never hinders a write", () => {
    const state = openState(directory);
    const other = new DatabaseSync(stateFile(directory));

    expect(other.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    other.close();
    state.close();
  });

  it("refuses a state of a newer version and a file that is no database, in words", () => {
    writeFileSync(stateFile(directory), "not a database, and long enough to be taken for the header of one".repeat(20));
    expect(() => openState(directory)).toThrow(/is damaged/);
    rmSync(stateFile(directory));
    const db = new DatabaseSync(stateFile(directory));
    db.exec("PRAGMA user_version = 99");
    db.close();

    expect(() => openState(directory)).toThrow(/newer version/);
  });
});

describe("a state that can no longer be written", () => {
  it("shows nothing that a restart would not find, and says why", async () => {
    const harness = new FolderHarness();
    harness.write("w.yaml", workflowManifest("quick"));
    const source = harness.open();
    await source.start();
    const db = new DatabaseSync(stateFile(harness.state));
    db.exec("ALTER TABLE object RENAME TO lost");
    db.close();
    harness.write("a.yaml", grantManifest("ada"));
    harness.write("w.yaml", workflowManifest("quick", 7200));

    await source.rescan();

    expect(source.problems().join()).toMatch(/The folder cannot be taken over: .*no such table/);
    expect(source.list("Grant")).toEqual([]);
    const quick = source.get("AccessWorkflow", "default", "quick");
    expect(quick?.object.spec.maxDurationSeconds).toBe(3600);
    await expect(
      source.writeStatus(quick?.object as AccessWorkflow, () => ({ observedGeneration: 1 })),
    ).rejects.toThrow();
    expect(source.get("AccessWorkflow", "default", "quick")?.object.status).toBeUndefined();
    await harness.dispose();
  });
});

describe("the lock of a state directory", () => {
  it("keeps a second controller out and names the first, until that lets go", () => {
    const lock = takeLock(directory, Date.UTC(2026, 0, 1));

    expect(() => takeLock(directory, 0)).toThrow(`process ${process.pid}`);
    expect(() => takeLock(directory, 0)).toThrow("since 2026-01-01T00:00:00.000Z");
    lock.release();
    takeLock(directory, 0).release();
  });

  it("leaves nothing behind that blocks a restart when its process is killed", async () => {
    const script = `
      import { takeLock } from ${JSON.stringify(new URL("lock.ts", import.meta.url).href)};
      takeLock(${JSON.stringify(directory)}, 0);
      gc();
      console.log("locked");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    expect(() => takeLock(directory, 0)).toThrow(`process ${child.pid}`);

    child.kill("SIGKILL");
    await once(child, "exit");

    takeLock(directory, 0).release();
  });

  it("makes the directory where it is missing, and says so where it cannot", () => {
    takeLock(join(directory, "new/state"), 0).release();
    expect(existsSync(join(directory, "new/state/lock.db"))).toBe(true);
    writeFileSync(join(directory, "file"), "");

    expect(() => takeLock(join(directory, "file/state"), 0)).toThrow(/cannot be used/);
  });
});
