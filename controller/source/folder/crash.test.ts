import { spawn } from "node:child_process";
import { once } from "node:events";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { grantManifest } from "../contract-objects.ts";
import { FolderHarness } from "./harness.ts";

/** How often the process is killed. Each time it starts anew, which is most of the time this takes. */
const kills = 6;

let harness: FolderHarness;

beforeEach(() => {
  harness = new FolderHarness();
});
afterEach(async () => {
  await harness.dispose();
});

/** Park-Miller: the same kills in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 0x7fff_ffff;
    return state / 0x7fff_ffff;
  };
}

interface Acknowledged {
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly count: number;
}

/** Runs the child until it has acknowledged `writes` writes, kills it at that moment, and answers all that it acknowledged. */
async function killedAfter(writes: number, meanwhile: (write: number) => void): Promise<readonly Acknowledged[]> {
  const script = fileURLToPath(new URL("crash-child.ts", import.meta.url));
  const child = spawn(process.execPath, [script, harness.folder, harness.state], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const acknowledged: Acknowledged[] = [];
  for await (const line of createInterface(child.stdout)) {
    acknowledged.push(JSON.parse(line) as Acknowledged);
    meanwhile(acknowledged.length);
    if (acknowledged.length === writes) {
      child.kill("SIGKILL");
    }
  }
  await exited;
  return acknowledged;
}

/** Puts a new version of a Grant into the folder by an atomic rename. */
function change(name: string, durationSeconds: number): void {
  harness.write(".next", grantManifest(name, { durationSeconds }));
  renameSync(join(harness.folder, ".next"), join(harness.folder, `${name}.yaml`));
}

describe("kill -9", () => {
  it("loses no acknowledged status and changes no uid, wherever it strikes", async () => {
    const random = seeded(20_260_101);
    const names = ["ada", "bob", "eve"];
    const uids = new Map<string, string>();
    let durationSeconds = 100_000;
    for (const name of names) {
      change(name, durationSeconds);
    }

    for (let round = 0; round < kills; round += 1) {
      const acknowledged = await killedAfter(1 + Math.floor(random() * 24), (write) => {
        durationSeconds -= 1;
        change(names[write % names.length] ?? "", durationSeconds);
      });

      harness.open();
      await harness.source.start();
      for (const { name, uid, generation, count } of acknowledged) {
        uids.set(name, uids.get(name) ?? uid);
        const object = harness.source.get("Grant", "default", name)?.object;
        expect(uid).toBe(uids.get(name));
        expect(object?.metadata.uid).toBe(uid);
        expect(object?.metadata.generation).toBeGreaterThanOrEqual(generation);
        expect(Number(object?.status?.grantID)).toBeGreaterThanOrEqual(count);
      }
      expect(harness.source.list("Grant")).toHaveLength(names.length);
      expect(harness.source.problems()).toEqual([]);
      await harness.source.close();
    }
  });
});
