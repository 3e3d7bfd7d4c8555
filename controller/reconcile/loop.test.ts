import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { silentLog, type Log } from "#lib/log.ts";
import { formatKey, parseKey, type AnyObject, type Kind, type ObjectKey } from "#kinds/index.ts";
import { AwsFailure } from "../aws/ports.ts";
import type { Source, Stored } from "../source/source.ts";
import {
  createLoop,
  reconcileDeadlineMs,
  resyncPeriodMs,
  stopGraceMs,
  stuckAfterMs,
  type LoopOptions,
} from "./loop.ts";
import type { Outcome, ReconcileContext, Reconciler } from "./reconciler.ts";

type Run = (key: ObjectKey, context: ReconcileContext) => Promise<Outcome>;

const settled: Outcome = { kind: "settled" };

/** A source of plain keys whose start is under the test's control. */
function fakeSource(keys: readonly string[], start = Promise.resolve()) {
  const subscribers = new Set<(key: ObjectKey) => void>();
  const objects = new Map(keys.map((key) => [key, storedOf(key)]));
  const source = {
    start: () => start,
    list: (kind: Kind) => [...objects.values()].filter(({ object }) => object.kind === kind),
    get: (kind: Kind, namespace: string, name: string) => objects.get(formatKey({ kind, namespace, name })),
    subscribe(onChange: (key: ObjectKey) => void) {
      subscribers.add(onChange);
      return () => subscribers.delete(onChange);
    },
  } as unknown as Source;
  const put = (key: string, deleted = false): void => {
    objects.set(key, storedOf(key, deleted));
    for (const subscriber of subscribers) {
      subscriber(parseKey(key));
    }
  };
  return { source, put, subscribers };
}

function storedOf(key: string, deleted = false): Stored {
  const { kind, namespace, name } = parseKey(key);
  const metadata = { namespace, name, ...(deleted ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}) };
  return { object: { kind, metadata } as AnyObject, origin: "test", problems: [] };
}

function setUp(run: Run, options: Partial<LoopOptions> & { keys?: readonly string[]; start?: Promise<void> } = {}) {
  const clock = manualClock();
  const { keys = [], start, ...rest } = options;
  const { source, put, subscribers } = fakeSource(keys, start);
  const reconcilers: Reconciler[] = [{ kind: "Grant", reconcile: run }];
  let id = 0;
  const newID = (): string => `run-${(id += 1)}`;
  const loop = createLoop({ source, reconcilers, clock, random: () => 0.5, log: silentLog, newID, ...rest });
  return { loop, clock, put, subscribers };
}

/** Lets everything that needs no timer happen. */
async function flush(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) {
    await Promise.resolve();
  }
}

/** A run that goes on until the test ends it. */
function openRun() {
  const started: string[] = [];
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const run: Run = (key) => {
    started.push(formatKey(key));
    return promise;
  };
  return { run, started, end: (outcome: Outcome = settled) => resolve(outcome) };
}

describe("loop", () => {
  it("runs nothing before the source has everything, then every object once", async () => {
    const seen: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const keys = ["Grant/default/a", "Grant/default/b"];
    const { loop } = setUp(async (key) => (seen.push(formatKey(key)), settled), { keys, start: promise });
    const starting = loop.start();
    await flush();
    expect(seen).toEqual([]);

    resolve();
    await starting;
    await flush();

    expect(seen).toEqual(keys);
    await loop.stop();
  });

  it("looks first at what is being deleted, then at changes, then at the rest of the first list", async () => {
    const seen: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const keys = ["Grant/default/old"];
    const run: Run = async (key) => (seen.push(key.name), settled);
    const { loop, put } = setUp(run, { keys, start: promise, workers: 1 });
    const starting = loop.start();
    put("Grant/default/changed");
    put("Grant/default/deleted", true);

    resolve();
    await starting;
    await flush();

    expect(seen).toEqual(["deleted", "changed", "old"]);
    await loop.stop();
  });

  it("wakes a waiting object at its time, not before", async () => {
    const times: number[] = [];
    const { loop, clock } = setUp(
      async (_, { now }) => {
        times.push(now);
        return times.length === 1 ? { kind: "waiting", untilMs: now + 3_600_000, why: "expires" } : settled;
      },
      { keys: ["Grant/default/a"] },
    );
    await loop.start();
    await flush();

    clock.advance(3_599_999);
    await flush();
    expect(times).toHaveLength(1);
    clock.advance(1);
    await flush();

    expect(times[1]).toBe((times[0] ?? 0) + 3_600_000);
    await loop.stop();
  });

  it("does not spin when a reconciler waits for a time that is past", async () => {
    let runs = 0;
    const { loop, clock } = setUp(async () => ((runs += 1), { kind: "waiting", untilMs: 0, why: "a mistake" }), {
      keys: ["Grant/default/a"],
    });
    await loop.start();
    await flush();
    expect(runs).toBe(1);

    clock.advance(1_000);
    await flush();

    expect(runs).toBeLessThanOrEqual(3);
    await loop.stop();
  });

  it("retries a failure with back-off, at the priority it had, until it works", async () => {
    let runs = 0;
    const run: Run = async () => {
      runs += 1;
      if (runs < 3) {
        throw runs === 1
          ? new AwsFailure("throttled", "ThrottlingException", "sso-admin:CreateAccountAssignment", "Rate exceeded")
          : new TypeError("a defect");
      }
      return settled;
    };
    const { loop, clock, put } = setUp(run);
    await loop.start();
    put("Grant/default/a", true);
    await flush();
    expect(runs).toBe(1);

    // Half way between 1 s and 2 s, then between 1 s and 4 s.
    clock.advance(1_499);
    await flush();
    expect(runs).toBe(1);
    clock.advance(1);
    await flush();
    expect(runs).toBe(2);
    clock.advance(2_500);
    await flush();

    expect(runs).toBe(3);
    expect(loop.stats().kinds.get("Grant")?.outcomes).toMatchObject({ failed: 2, settled: 1 });
    await loop.stop();
  });

  it("does not retry what a person must change, until something changes", async () => {
    let runs = 0;
    const run: Run = async () => (
      (runs += 1),
      { kind: "refused", reason: "PrincipalNotFound", message: "no such user" }
    );
    const { loop, clock, put } = setUp(run, { keys: ["Grant/default/a"], resyncMs: 10 ** 12 });
    await loop.start();
    await flush();
    clock.advance(7 * 86_400_000);
    await flush();
    expect(runs).toBe(1);

    put("Grant/default/a");
    await flush();

    expect(runs).toBe(2);
    await loop.stop();
  });

  it("looks at the grants that depend on what changed, and survives an index that throws", async () => {
    const seen: string[] = [];
    const grants: Reconciler = {
      kind: "Grant",
      reconcile: async (key) => (seen.push(formatKey(key)), settled),
      affectedBy: (changed) => (changed.kind === "Database" ? [parseKey("Grant/default/a")] : []),
    };
    const broken: Reconciler = {
      kind: "Proxy",
      reconcile: async () => settled,
      affectedBy: () => {
        throw new Error("a defect");
      },
    };
    const { loop, put } = setUp(async () => settled, { reconcilers: [broken, grants] });
    await loop.start();

    put("Database/default/orders");
    put("AccessWorkflow/default/quick");
    await flush();

    expect(seen).toEqual(["Grant/default/a"]);
    await loop.stop();
  });

  it("asks the reconciler how urgent a change is", async () => {
    const seen: string[] = [];
    const { run, end } = openRun();
    const grants: Reconciler = {
      kind: "Grant",
      reconcile: (key, context) => (
        seen.push(key.name),
        key.name === "first" ? run(key, context) : Promise.resolve(settled)
      ),
      priorityOf: ({ name }) => (name === "revoked" ? "revoke" : undefined),
    };
    const { loop, put } = setUp(async () => settled, { reconcilers: [grants], workers: 1 });
    await loop.start();
    put("Grant/default/first");
    await flush();
    put("Grant/default/plain");
    put("Grant/default/revoked");

    end();
    await flush();

    expect(seen).toEqual(["first", "revoked", "plain"]);
    await loop.stop();
  });

  it("never runs one object twice at a time, and looks again at what changed meanwhile", async () => {
    const { run, started, end } = openRun();
    const { loop, put } = setUp(run);
    await loop.start();
    put("Grant/default/a");
    await flush();
    put("Grant/default/a");
    await flush();
    expect(started).toHaveLength(1);

    end();
    await flush();

    expect(started).toHaveLength(2);
    await loop.stop();
  });

  it("looks at everything again after a period, give or take a tenth", async () => {
    let runs = 0;
    const { loop, clock } = setUp(async () => ((runs += 1), settled), { keys: ["Grant/default/a"] });
    await loop.start();
    await flush();

    clock.advance(resyncPeriodMs);
    await flush();
    expect(runs).toBe(2);
    clock.advance(resyncPeriodMs);
    await flush();

    expect(runs).toBe(3);
    await loop.stop();
  });

  it("gives each run an ID in the log and the key it is for", async () => {
    const fields: unknown[] = [];
    const log: Log = { ...silentLog, with: (given) => (fields.push(given), silentLog) };
    const { loop } = setUp(async () => settled, { keys: ["Grant/default/a"], log });

    await loop.start();
    await flush();

    expect(fields).toEqual([{ key: "Grant/default/a", reconcileID: "run-1" }]);
    await loop.stop();
  });
});

describe("loop under trouble", () => {
  it("aborts a run at its deadline, and counts its end as a failure", async () => {
    let reason: unknown;
    const run: Run = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reason = signal.reason;
          reject(new Error("aborted"));
        });
      });
    const { loop, clock } = setUp(run, { keys: ["Grant/default/a"] });
    await loop.start();
    await flush();

    clock.advance(reconcileDeadlineMs);
    await flush();

    expect(String(reason)).toContain("took longer");
    expect(loop.stats().kinds.get("Grant")).toMatchObject({ deadlines: 1, outcomes: { failed: 1 } });
    await loop.stop();
  });

  it("says that it is stuck when every worker is in a run that ignores its deadline", async () => {
    const { run } = openRun();
    const { loop, clock } = setUp(run, { keys: ["Grant/default/a", "Grant/default/b"], workers: 2 });
    await loop.start();
    await flush();
    clock.advance(reconcileDeadlineMs);
    expect(loop.stats()).toMatchObject({ stuck: false, running: 2, oldestRunMs: reconcileDeadlineMs });

    clock.advance(stuckAfterMs);

    expect(loop.stats().stuck).toBe(true);
  });

  it("makes progress in its own eyes while there is nothing to do", async () => {
    const { loop, clock } = setUp(async () => settled);
    await loop.start();

    clock.advance(1_000_000);

    expect(loop.stats().lastProgressMs).toBe(clock.monotonicMs());
    await loop.stop();
  });

  it("stops after the runs that are going on and the revocations that wait, and drops the rest", async () => {
    const seen: string[] = [];
    const { run, end } = openRun();
    const { loop, put, subscribers, clock } = setUp(
      (key, context) => (seen.push(key.name), key.name === "first" ? run(key, context) : Promise.resolve(settled)),
      { workers: 1 },
    );
    await loop.start();
    put("Grant/default/first");
    await flush();
    put("Grant/default/plain");
    put("Grant/default/deleted", true);
    const stopping = loop.stop();
    await flush();
    expect(subscribers.size).toBe(0);

    end();
    await stopping;

    expect(seen).toEqual(["first", "deleted"]);
    expect(clock.pendingCount()).toBe(0);
  });

  it("aborts what does not end within the grace, and gives up on what ignores even that", async () => {
    let isAborted = false;
    const run: Run = (_, { signal }) => {
      signal.addEventListener("abort", () => (isAborted = true));
      return new Promise(() => {});
    };
    const { loop, clock } = setUp(run, { keys: ["Grant/default/a"] });
    await loop.start();
    await flush();
    const stopping = loop.stop();
    clock.advance(stopGraceMs);
    await flush();
    expect(isAborted).toBe(true);

    clock.advance(stopGraceMs);

    await stopping;
  });

  it("does not start when the source does not", async () => {
    const { loop } = setUp(async () => settled, { start: Promise.reject(new Error("locked")) });

    await expect(loop.start()).rejects.toThrow("locked");
  });
});
