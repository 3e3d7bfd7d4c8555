import type { Clock } from "#lib/clock.ts";
import type { MetricRegistry, Sample } from "#lib/metrics/registry.ts";
import { parseKey, type Kind } from "#kinds/index.ts";
import { priorities, type Priority } from "../queue/priority.ts";
import type { QueueRecorder } from "../queue/recorder.ts";
import { runtimeMetrics } from "./runtime-definitions.ts";

interface QueueLabels {
  readonly name: string;
  readonly controller: string;
}

interface Waiting {
  readonly sinceMs: number;
  priority: Priority;
}

/**
 * The metrics of client-go's work queues. There is one queue; it shows as one for each kind, which is what dashboards expect:
 * controller-runtime has a queue per controller and names it so.
 */
export function queueRecorder(registry: MetricRegistry, clock: Clock) {
  const adds = registry.counter(runtimeMetrics.queueAdds);
  const retries = registry.counter(runtimeMetrics.queueRetries);
  const waited = registry.histogram(runtimeMetrics.queueDuration);
  const worked = registry.histogram(runtimeMetrics.workDuration);
  const kinds = new Set<Kind>();
  const waiting = new Map<string, Waiting>();
  const working = new Map<string, number>();
  const since = (startedMs: number): number => (clock.monotonicMs() - startedMs) / 1_000;

  registry.gaugeAtScrape(runtimeMetrics.queueDepth, () => depths(kinds, waiting));
  registry.gaugeAtScrape(runtimeMetrics.unfinishedWork, () =>
    ages(kinds, working, since).map(({ labels, all }) => ({ labels, value: all.reduce((sum, age) => sum + age, 0) })),
  );
  registry.gaugeAtScrape(runtimeMetrics.longestRunning, () =>
    ages(kinds, working, since).map(({ labels, all }) => ({ labels, value: Math.max(0, ...all) })),
  );
  const recorder: QueueRecorder = {
    added(key, priority) {
      adds.inc(labelsOfKey(key));
      waiting.set(key, { sinceMs: clock.monotonicMs(), priority });
    },
    raised(key, priority) {
      const entry = waiting.get(key);
      if (entry !== undefined) {
        entry.priority = priority;
      }
    },
    given(key) {
      const entry = waiting.get(key);
      waiting.delete(key);
      waited.observe(labelsOfKey(key), entry === undefined ? 0 : since(entry.sinceMs));
      working.set(key, clock.monotonicMs());
    },
    done(key) {
      const startedMs = working.get(key);
      working.delete(key);
      worked.observe(labelsOfKey(key), startedMs === undefined ? 0 : since(startedMs));
    },
    dropped: (key) => void waiting.delete(key),
    delayed: (key) => retries.inc(labelsOfKey(key)),
  };
  return {
    recorder,
    /** Shows the queue of a kind from now on, empty as it is. */
    expect(kind: Kind): void {
      kinds.add(kind);
      adds.inc(labelsOf(kind), 0);
      retries.inc(labelsOf(kind), 0);
    },
  };
}

function depths(
  kinds: Iterable<Kind>,
  waiting: ReadonlyMap<string, Waiting>,
): Sample<keyof QueueLabels | "priority">[] {
  const counts = new Map<string, number>();
  for (const [key, { priority }] of waiting) {
    const kept = `${parseKey(key).kind} ${priority}`;
    counts.set(kept, (counts.get(kept) ?? 0) + 1);
  }
  return [...kinds].flatMap((kind) =>
    priorities.map((priority) => ({
      labels: { ...labelsOf(kind), priority },
      value: counts.get(`${kind} ${priority}`) ?? 0,
    })),
  );
}

function ages(kinds: Iterable<Kind>, working: ReadonlyMap<string, number>, since: (startedMs: number) => number) {
  const runs = [...working].map(([key, startedMs]) => ({ kind: parseKey(key).kind, age: since(startedMs) }));
  return [...kinds].map((kind) => ({
    labels: labelsOf(kind),
    all: runs.filter((run) => run.kind === kind).map(({ age }) => age),
  }));
}

function labelsOfKey(key: string): QueueLabels {
  return labelsOf(parseKey(key).kind);
}

function labelsOf(kind: Kind): QueueLabels {
  const name = kind.toLowerCase();
  return { name, controller: name };
}
