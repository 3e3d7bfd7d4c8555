import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { formatKey, parseKey, type AnyObject, type Kind, type ObjectKey } from "#kinds/index.ts";
import type { Source, Stored } from "../source/source.ts";
import { createLoop, type LoopOptions } from "./loop.ts";
import type { Outcome, ReconcileContext, Reconciler } from "./reconciler.ts";

/** One run of a reconciler under test. */
export type Run = (key: ObjectKey, context: ReconcileContext) => Promise<Outcome>;

/** The outcome of a run with nothing left to do. */
export const settled: Outcome = { kind: "settled" };

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

/** A loop for Grants on such a source, by a manual clock; jitter is always its mean. */
export function setUp(
  run: Run,
  options: Partial<LoopOptions> & { keys?: readonly string[]; start?: Promise<void> } = {},
) {
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
export async function flush(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) {
    await Promise.resolve();
  }
}

/** A run that goes on until the test ends it. */
export function openRun() {
  const started: string[] = [];
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const run: Run = (key) => {
    started.push(formatKey(key));
    return promise;
  };
  return { run, started, end: (outcome: Outcome = settled) => resolve(outcome) };
}
