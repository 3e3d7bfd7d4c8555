import { describe, expect, it } from "vitest";
import { silentLog, type Log } from "#lib/log.ts";
import { formatKey, parseKey } from "#kinds/index.ts";
import { AwsFailure } from "../aws/ports.ts";
import { flush, openRun, settled, setUp, type Run } from "./loop-stage.ts";
import { resyncPeriodMs, workersDefault } from "./loop.ts";
import { waitMinMs } from "./outcome.ts";
import type { Reconciler } from "./reconciler.ts";

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

  it("looks again at once when the time that a run waits for comes while it goes on: the end of access is not put off", async () => {
    let runs = 0;
    const { loop, clock } = setUp(
      async () => {
        runs += 1;
        const untilMs = clock.now() + (runs === 1 ? 5 : 3_600_000);
        clock.advance(10);
        return { kind: "waiting", untilMs, why: "the expiry" };
      },
      { keys: ["Grant/default/a"] },
    );
    await loop.start();
    await flush();
    clock.advance(1);
    await flush();

    expect(runs).toBe(2);
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

    clock.advance(waitMinMs - 1);
    await flush();
    expect(runs).toBe(1);
    clock.advance(1);
    await flush();

    expect(runs).toBe(2);
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

  it("runs as many objects at a time as it has workers", async () => {
    const { run, started, end } = openRun();
    const keys = Array.from({ length: 2 * workersDefault }, (_, index) => `Grant/default/${index}`);
    const { loop } = setUp(run, { keys });
    await loop.start();
    await flush();
    expect(started).toHaveLength(workersDefault);

    end();
    await flush();

    expect(started).toHaveLength(2 * workersDefault);
    await loop.stop();
  });

  it("keeps workers for what is urgent: the ends of access do not wait for those that wait for AWS", async () => {
    const { run, started, end } = openRun();
    const keys = Array.from({ length: 2 * workersDefault }, (_, index) => `Grant/default/${index}`);
    const { loop } = setUp(run, { keys, urgentWorkers: 1 });
    await loop.start();
    await flush();
    expect(started).toHaveLength(workersDefault);

    loop.enqueue({ kind: "Grant", namespace: "default", name: "ends" }, "revoke");
    await flush();

    expect(started).toHaveLength(workersDefault + 1);
    expect(started.at(-1)).toBe("Grant/default/ends");
    end();
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

  it("gives each run an ID in the log and says whom it is for, in the words of controller-runtime", async () => {
    const fields: unknown[] = [];
    const log: Log = { ...silentLog, with: (given) => (fields.push(given), silentLog) };
    const { loop } = setUp(async () => settled, { keys: ["Grant/default/a"], log });

    await loop.start();
    await flush();

    expect(fields).toEqual([{ controller: "grant", namespace: "default", name: "a", reconcileID: "run-1" }]);
    await loop.stop();
  });
});
