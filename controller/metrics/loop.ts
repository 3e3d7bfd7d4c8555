import type { Clock } from "#lib/clock.ts";
import { assertNever } from "#lib/errors.ts";
import type { CounterMetric, MetricRegistry } from "#lib/metrics/registry.ts";
import type { Kind } from "#kinds/index.ts";
import type { Outcome } from "../reconcile/reconciler.ts";
import type { LoopRecorder } from "../reconcile/recorder.ts";
import { queueRecorder } from "./queue.ts";
import { reconcileResults, runtimeMetrics, type ReconcileResult } from "./runtime-definitions.ts";

/** The metrics of controller-runtime's controllers: one controller for each kind, named as the kind in lower case. */
export function loopRecorder(registry: MetricRegistry, clock: Clock): LoopRecorder {
  const total = registry.counter(runtimeMetrics.reconcileTotal);
  const errors = registry.counter(runtimeMetrics.reconcileErrors);
  const terminal = registry.counter(runtimeMetrics.terminalErrors);
  const panics = registry.counter(runtimeMetrics.reconcilePanics);
  const timeouts = registry.counter(runtimeMetrics.reconcileTimeouts);
  const time = registry.histogram(runtimeMetrics.reconcileTime);
  const most = registry.gauge(runtimeMetrics.maxConcurrent);
  const active = registry.gauge(runtimeMetrics.activeWorkers);
  const queue = queueRecorder(registry, clock);
  return {
    queue: queue.recorder,
    started(kinds, workers) {
      for (const kind of kinds) {
        const labels = labelsOf(kind);
        // There from the start, at 0: an alert on the rate of a counter sees its first increment only then.
        for (const result of reconcileResults) {
          total.inc({ ...labels, result }, 0);
        }
        startAtZero([errors, terminal, panics, timeouts], labels);
        most.set(labels, workers);
        active.set(labels, 0);
        queue.expect(kind);
      }
    },
    runStarted: (kind) => active.add(labelsOf(kind), 1),
    runEnded(kind, outcome, tookMs, isDefect) {
      const labels = labelsOf(kind);
      const result = resultOf(outcome);
      active.add(labels, -1);
      total.inc({ ...labels, result });
      time.observe(labels, tookMs / 1_000);
      errors.inc(labels, result === "error" ? 1 : 0);
      terminal.inc(labels, outcome === "refused" ? 1 : 0);
      panics.inc(labels, isDefect ? 1 : 0);
    },
    deadlinePassed: (kind) => timeouts.inc(labelsOf(kind)),
  };
}

/** As controller-runtime counts its `Result` and errors; a refusal is its TerminalError: an error, and not tried again. */
function resultOf(outcome: Outcome["kind"]): ReconcileResult {
  switch (outcome) {
    case "settled":
      return "success";
    case "waiting":
      return "requeue_after";
    case "refused":
    case "failed":
      return "error";
    default:
      return assertNever(outcome);
  }
}

function labelsOf(kind: Kind): { readonly controller: string } {
  return { controller: kind.toLowerCase() };
}

function startAtZero<L extends string>(
  counters: readonly CounterMetric<L>[],
  labels: Parameters<CounterMetric<L>["inc"]>[0],
): void {
  for (const counter of counters) {
    counter.inc(labels, 0);
  }
}
