import type { Clock } from "#lib/clock.ts";
import type { MetricRegistry, Sample } from "#lib/metrics/registry.ts";
import { kinds, parseKey, type Kind } from "#kinds/index.ts";
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
  const shown = new Set<Kind>();
  const waiting = new Map<string, Waiting>();
  const working = new Map<string, number>();
  const since = (startedMs: number): number => (clock.monotonicMs() - startedMs) / 1_000;

  registry.gaugeAtScrape(runtimeMetrics.queueDepth, () => depths(shown, waiting));
  registry.gaugeAtScrape(runtimeMetrics.unfinishedWork, () =>
    ages(shown, working, since).map(({ labels, all }) => ({ labels, value: all.reduce((sum, age) => sum + age, 0) })),
  );
  registry.gaugeAtScrape(runtimeMetrics.longestRunning, () =>
    ages(shown, working, since).map(({ labels, all }) => ({ labels, value: Math.max(0, ...all) })),
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
      shown.add(kind);
      adds.inc(labelsOf(kind), 0);
      retries.inc(labelsOf(kind), 0);
    },
  };
}

function depths(
  shown: Iterable<Kind>,
  waiting: ReadonlyMap<string, Waiting>,
): Sample<keyof QueueLabels | "priority">[] {
  const counts = new Map<string, number>();
  for (const [key, { priority }] of waiting) {
    const kept = `${parseKey(key).kind} ${priority}`;
    counts.set(kept, (counts.get(kept) ?? 0) + 1);
  }
  return [...shown].flatMap((kind) =>
    priorities.map((priority) => ({
      labels: { ...labelsOf(kind), priority },
      value: counts.get(`${kind} ${priority}`) ?? 0,
    })),
  );
}

function ages(shown: Iterable<Kind>, working: ReadonlyMap<string, number>, since: (startedMs: number) => number) {
  const runs = [...working].map(([key, startedMs]) => ({ kind: parseKey(key).kind, age: since(startedMs) }));
  return [...shown].map((kind) => ({
    labels: labelsOf(kind),
    all: runs.filter((run) => run.kind === kind).map(({ age }) => age),
  }));
}

/** One object for each kind: this runs for every key that is queued. */
const labelsByKind = new Map(
  kinds.map((kind): [string, QueueLabels] => [kind, { name: kind.toLowerCase(), controller: kind.toLowerCase() }]),
);

function labelsOfKey(key: string): QueueLabels {
  return labelsOf(key.slice(0, key.indexOf("/")));
}

function labelsOf(kind: string): QueueLabels {
  const labels = labelsByKind.get(kind);
  if (labels === undefined) {
    throw new Error(`not the name of a kind: ${kind}`);
  }
  return labels;
}
