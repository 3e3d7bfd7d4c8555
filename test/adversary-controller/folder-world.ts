import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { awsPorts } from "#controller/aws/aws.ts";
import { grantReconciler } from "#controller/reconcile/grant/reconciler.ts";
import { createLoop } from "#controller/reconcile/loop.ts";
import { createFolderSource, type FolderSource } from "#controller/source/folder/source.ts";
import type { AnyObject, Grant } from "#kinds/index.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { startSandbox } from "#sandbox/main.ts";
import { judgeState } from "#test/harness/conformance.ts";

/** A controller on a real folder, real state and the sandbox; it sees the folder when told to look. */
export interface FolderWorld extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly source: FolderSource;
  /** Statuses as they were told to proxies, the newest last. */
  readonly told: Grant[];
  /** Writes one file per object. */
  write(...objects: readonly AnyObject[]): void;
  erase(name: string): void;
  get(name: string): Grant | undefined;
  /** Resolves as soon as the Grant (undefined once it is gone) passes. */
  until(name: string, passes: (grant: Grant | undefined) => boolean): Promise<Grant | undefined>;
}

/** Starts with these objects in the folder. */
export async function folderWorld(objects: readonly AnyObject[]): Promise<FolderWorld> {
  const root = mkdtempSync(join(tmpdir(), "sallyport-adversary-"));
  const folder = join(root, "folder");
  mkdirSync(folder);
  const write = (...all: readonly AnyObject[]): void => {
    for (const { status: _status, ...object } of all) {
      const { uid: _uid, generation: _generation, creationTimestamp: _time, ...metadata } = object.metadata;
      writeFileSync(join(folder, `${object.kind}-${metadata.name}.yaml`), JSON.stringify({ ...object, metadata }));
    }
  };
  write(...objects);
  const sandbox = await startSandbox();
  const clock = systemClock;
  const { accessKeyID, secretAccessKey } = sandbox.controllerCredentials;
  const credentials = { accessKeyId: accessKeyID, secretAccessKey };
  const ports = awsPorts({ region: sandbox.region, credentials, endpoint: sandbox.url, clock });
  const source = createFolderSource({ folder, state: join(root, "state"), clock, log: silentLog });
  const told: Grant[] = [];
  const watchers = new Set<() => void>();
  const tell = (): void => {
    for (const watcher of watchers) {
      watcher();
    }
  };
  const onStatusWritten = (grant: Grant): void => {
    told.push(grant);
    tell();
  };
  const grants = grantReconciler({ source, ports, clock, installation: "test", random: Math.random, onStatusWritten });
  const loop = createLoop({
    source,
    reconcilers: [grants],
    clock,
    random: Math.random,
    log: silentLog,
    newID: randomUUID,
    backoff: { baseMs: 50, maxMs: 200 },
  });
  await loop.start();
  source.subscribe(tell);
  const get = (name: string): Grant | undefined => source.get("Grant", "default", name)?.object;
  return {
    sandbox,
    source,
    told,
    write,
    get,
    erase: (name) => rmSync(join(folder, `Grant-${name}.yaml`), { force: true }),
    until: (name, passes) =>
      new Promise((resolve) => {
        const watcher = (): void => {
          const grant = get(name);
          if (passes(grant)) {
            watchers.delete(watcher);
            resolve(grant);
          }
        };
        watchers.add(watcher);
        watcher();
      }),
    async [Symbol.asyncDispose]() {
      await loop.stop();
      await source.close();
      await sandbox.stop();
      try {
        judgeState(join(root, "state"));
      } finally {
        rmSync(root, { recursive: true, force: true });
      }
    },
  };
}
