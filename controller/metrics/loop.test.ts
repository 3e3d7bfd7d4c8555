import { describe, expect, it } from "vitest";
import { MetricRegistry } from "#lib/metrics/registry.ts";
import { manualClock } from "#lib/clock.ts";
import { flush, openRun, settled, setUp, type Run } from "../reconcile/loop-stage.ts";
import { reconcileDeadlineMs } from "../reconcile/loop.ts";
import { loopRecorder } from "./loop.ts";
import { linesOf, valueOf } from "./testing.ts";

/** A loop with one worker for Grants, whose metrics go to a registry. */
function measured(run: Run, keys: readonly string[] = []) {
  const registry = new MetricRegistry();
  const clock = manualClock();
  const stage = setUp(run, { keys, workers: 1, recorder: loopRecorder(registry, clock), clock });
  return { ...stage, clock, registry };
}

describe("metrics of the loop", () => {
  it("are there at zero before anything happens", async () => {
    const { loop, registry } = measured(async () => settled);

    await loop.start();

    expect(await linesOf(registry, "controller_runtime_reconcile_total")).toEqual([
      'controller_runtime_reconcile_total{controller="grant",result="success"} 0',
      'controller_runtime_reconcile_total{controller="grant",result="error"} 0',
      'controller_runtime_reconcile_total{controller="grant",result="requeue"} 0',
      'controller_runtime_reconcile_total{controller="grant",result="requeue_after"} 0',
    ]);
    expect(await valueOf(registry, 'workqueue_depth{name="grant",controller="grant",priority="revoke"}')).toBe(0);
    expect(await valueOf(registry, 'controller_runtime_max_concurrent_reconciles{controller="grant"}')).toBe(1);
    await loop.stop();
  });

  it.each([
    ["settled", "success", 0, 0],
    ["waiting", "requeue_after", 0, 0],
    ["refused", "error", 1, 1],
    ["failed", "error", 1, 0],
  ] as const)("count an outcome %s as %s", async (kind, result, errors, terminal) => {
    const outcomes = {
      settled,
      waiting: { kind, untilMs: Date.UTC(2027, 0, 1), why: "" },
      refused: { kind, reason: "Denied", message: "" },
      failed: { kind, error: new Error("no") },
    } as const;
    const { loop, registry } = measured(async () => outcomes[kind] as typeof settled, ["Grant/default/a"]);

    await loop.start();
    await flush();

    expect(await valueOf(registry, `controller_runtime_reconcile_total{controller="grant",result="${result}"}`)).toBe(
      1,
    );
    expect(await valueOf(registry, 'controller_runtime_reconcile_errors_total{controller="grant"}')).toBe(errors);
    expect(await valueOf(registry, 'controller_runtime_terminal_reconcile_errors_total{controller="grant"}')).toBe(
      terminal,
    );
    await loop.stop();
  });

  it("count a mistake in the program as a panic, and no other failure", async () => {
    const thrown: unknown[] = [new TypeError("x is undefined"), "a word", new Error("AWS is down")];
    const { loop, registry, put } = measured(async () => {
      throw thrown.shift();
    });
    await loop.start();

    for (const name of ["a", "b", "c"]) {
      put(`Grant/default/${name}`);
      await flush();
    }

    expect(await valueOf(registry, 'controller_runtime_reconcile_panics_total{controller="grant"}')).toBe(2);
    expect(await valueOf(registry, 'controller_runtime_reconcile_errors_total{controller="grant"}')).toBe(3);
    await loop.stop();
  });

  it("show what is queued, by priority, what runs, and for how long", async () => {
    const { run, end } = openRun();
    const { loop, registry, put, clock } = measured(run, ["Grant/default/a"]);
    await loop.start();
    await flush();
    put("Grant/default/b");
    put("Grant/default/c", true);
    put("Grant/default/a");

    clock.advance(3_000);

    const at = (priority: string) => `workqueue_depth{name="grant",controller="grant",priority="${priority}"}`;
    expect(await valueOf(registry, at("revoke"))).toBe(1);
    expect(await valueOf(registry, at("change"))).toBe(2);
    expect(await valueOf(registry, 'controller_runtime_active_workers{controller="grant"}')).toBe(1);
    expect(await valueOf(registry, 'workqueue_unfinished_work_seconds{name="grant",controller="grant"}')).toBe(3);
    expect(
      await valueOf(registry, 'workqueue_longest_running_processor_seconds{name="grant",controller="grant"}'),
    ).toBe(3);
    end();
    await flush();
    expect(await valueOf(registry, at("change"))).toBe(0);
    expect(await valueOf(registry, 'controller_runtime_active_workers{controller="grant"}')).toBe(0);
    expect(await valueOf(registry, 'workqueue_adds_total{name="grant",controller="grant"}')).toBe(4);
    expect(await valueOf(registry, 'workqueue_queue_duration_seconds_sum{name="grant",controller="grant"}')).toBe(9);
    expect(await valueOf(registry, 'workqueue_work_duration_seconds_count{name="grant",controller="grant"}')).toBe(4);
    await loop.stop();
  });

  it("count a run that is past its deadline, and a return after a time", async () => {
    const { run, end } = openRun();
    const { loop, registry, clock } = measured(run, ["Grant/default/a"]);
    await loop.start();
    await flush();

    clock.advance(reconcileDeadlineMs);
    end({ kind: "failed", error: new Error("aborted") });
    await flush();

    expect(await valueOf(registry, 'controller_runtime_reconcile_timeouts_total{controller="grant"}')).toBe(1);
    expect(await valueOf(registry, 'workqueue_retries_total{name="grant",controller="grant"}')).toBe(1);
    expect(await valueOf(registry, 'controller_runtime_reconcile_time_seconds_sum{controller="grant"}')).toBe(120);
    await loop.stop();
  });
});
