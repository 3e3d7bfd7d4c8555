import { randomUUID } from "node:crypto";
import { systemClock, type Clock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { Trail } from "#audit/event/trail.ts";
import type { AnyObject, Grant, Kind } from "#kinds/index.ts";
import { folderTrust } from "#controller/admission/identity-trust.ts";
import { awsPorts } from "#controller/aws/aws.ts";
import type { AwsPorts } from "#controller/aws/ports.ts";
import { grantReconciler } from "#controller/reconcile/grant/reconciler.ts";
import { createLoop, type Loop } from "#controller/reconcile/loop.ts";
import type { Reconciler } from "#controller/reconcile/reconciler.ts";
import { memorySource, type MemorySource } from "#controller/reconcile/testing.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { SandboxOptions } from "#sandbox/options.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";

/** Name of the installation in these tests. */
export const installation = "test";

/** Reconcilers that run against a sandbox through the real SDK, on a source in memory. */
export interface ControllerHarness extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly ports: AwsPorts;
  readonly source: MemorySource;
  readonly loop: Loop;
  /** Actions performed, in order. */
  readonly actions: string[];
  /** Resolves with the object as soon as its stored status passes; by then nothing has been missed. */
  until<T extends AnyObject>(kind: T["kind"], name: string, passes: (object: T) => boolean): Promise<T>;
  /** Resolves when the object is no longer there. */
  gone(kind: Kind, name: string): Promise<void>;
  /** The object as stored. */
  get<T extends AnyObject>(kind: T["kind"], name: string): T | undefined;
}

export interface HarnessOptions {
  readonly objects: readonly AnyObject[];
  readonly sandbox?: SandboxOptions;
  /** Clock of the controller; the sandbox keeps the machine's. Absent: the machine's. */
  readonly clock?: Clock;
  /** What the Grant reconciler records events in. */
  readonly trail?: Trail;
  readonly reconcilers?: (deps: { source: MemorySource; ports: AwsPorts }) => readonly Reconciler[];
}

/** Starts sandbox, ports, source and loop. */
export async function startController(options: HarnessOptions): Promise<ControllerHarness> {
  const sandbox = await startSandbox(options.sandbox ?? {});
  const clock = options.clock ?? systemClock;
  const { accessKeyID, secretAccessKey } = sandbox.controllerCredentials;
  const credentials = { accessKeyId: accessKeyID, secretAccessKey };
  const ports = awsPorts({ region: sandbox.region, installation, credentials, endpoint: sandbox.url, clock });
  const memory = memorySource(options.objects, () => clock.now());
  const watchers = new Set<() => void>();
  const check = (): void => {
    for (const watcher of watchers) {
      watcher();
    }
  };
  const source: MemorySource = {
    ...memory,
    writeStatus: async (object, change, more) => {
      await memory.writeStatus(object, change, more);
      check();
    },
    release: async (object) => {
      await memory.release(object);
      check();
    },
    forget: async (object) => {
      await memory.forget(object);
      check();
    },
  };
  const actions: string[] = [];
  const loop = createLoop({
    source,
    reconcilers: [
      grantReconciler({
        source,
        ports,
        clock,
        installation,
        identity: folderTrust(),
        random: Math.random,
        ...(options.trail === undefined ? {} : { trail: options.trail }),
        onAction: (_grant, action) => actions.push(action.kind),
      }),
      ...(options.reconcilers?.({ source, ports }) ?? []),
    ],
    clock,
    random: Math.random,
    log: silentLog,
    newID: randomUUID,
  });
  await loop.start();
  const get = <T extends AnyObject>(kind: T["kind"], name: string): T | undefined =>
    source.get(kind as Kind, "default", name)?.object as T | undefined;
  return {
    sandbox,
    ports,
    source,
    loop,
    actions,
    get,
    gone: (kind, name) =>
      new Promise((resolve) => {
        const watcher = (): void => {
          if (source.get(kind, "default", name) === undefined) {
            watchers.delete(watcher);
            resolve();
          }
        };
        watchers.add(watcher);
        watcher();
      }),
    until: (kind, name, passes) =>
      new Promise((resolve) => {
        const watcher = (): void => {
          const object = get(kind, name);
          if (object !== undefined && passes(object as never)) {
            watchers.delete(watcher);
            resolve(object as never);
          }
        };
        watchers.add(watcher);
        watcher();
      }),
    async [Symbol.asyncDispose]() {
      await loop.stop();
      await sandbox.stop();
    },
  };
}

/** Whether a condition of the Grant has this status and, where given, this reason. */
export function has(grant: Grant, type: string, status: string, reason?: string): boolean {
  const condition = grant.status?.conditions?.find((other) => other.type === type);
  return condition?.status === status && (reason === undefined || condition.reason === reason);
}
