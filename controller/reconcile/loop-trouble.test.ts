import { describe, expect, it } from "vitest";
import { flush, openRun, settled, setUp, type Run } from "./loop-stage.ts";
import { reconcileDeadlineMs, stopGraceMs, stuckAfterMs } from "./loop.ts";

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
