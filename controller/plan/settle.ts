import { formatKey, type Kind, type ObjectKey } from "#kinds/index.ts";
import { coerceError } from "#lib/errors.ts";
import { silentLog } from "#lib/log.ts";
import type { Outcome, Reconciler } from "../reconcile/reconciler.ts";
import type { CallRecorder, PlannedCall } from "./calls.ts";
import type { PlanClock } from "./plan-clock.ts";

/** What became of one object. */
export interface Settled {
  readonly key: ObjectKey;
  readonly calls: readonly PlannedCall[];
  readonly outcome: Outcome;
}

/**
 * A plan looks this far ahead, in milliseconds: far enough for an operation of AWS to end, and not for a grant to expire; the
 * shortest grant lasts a minute (crds/grant.yaml).
 */
export const horizonMs = 30_000;

/** Looks at one object; polling an operation and setting up a grant take less than ten. */
const looksMax = 50;

/** The order in which kinds are looked at: what others refer to first. */
const order: readonly Kind[] = ["Proxy", "Database", "AccessWorkflow", "Availability", "Grant", "GrantReview"];

/** What `settle` runs on. */
export interface SettleOptions {
  readonly reconcilers: readonly Reconciler[];
  readonly calls: CallRecorder;
  readonly clock: PlanClock;
}

/**
 * Runs the reconcilers on these objects, as the loop would, until each has nothing to do within the horizon. Waits pass at once.
 * Answers what each came to, with the calls that were made for it.
 */
export async function settle(keys: readonly ObjectKey[], options: SettleOptions): Promise<Settled[]> {
  const sorted = [...keys].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  // A Grant is looked at again once its reviews have been.
  const isReviewed = sorted.some(({ kind }) => kind === "GrantReview");
  const again = isReviewed ? sorted.filter(({ kind }) => kind === "Grant") : [];
  const settled = new Map<string, Settled>();
  for (const key of [...sorted, ...again]) {
    const reconciler = options.reconcilers.find(({ kind }) => kind === key.kind);
    if (reconciler !== undefined) {
      const one = await settleOne(key, reconciler, options);
      const before = settled.get(formatKey(key))?.calls ?? [];
      settled.set(formatKey(key), { ...one, calls: [...before, ...one.calls] });
    }
  }
  return [...settled.values()];
}

async function settleOne(key: ObjectKey, reconciler: Reconciler, { calls, clock }: SettleOptions): Promise<Settled> {
  const made: PlannedCall[] = [];
  const startMs = clock.now();
  const { signal } = new AbortController();
  try {
    for (let look = 0; look < looksMax; look += 1) {
      const context = { signal, log: silentLog, clock, now: clock.now() };
      const outcome = await reconciler
        .reconcile(key, context)
        .catch((thrown: unknown): Outcome => ({ kind: "failed", error: coerceError(thrown) }));
      made.push(...calls.take());
      if (outcome.kind !== "waiting" || outcome.untilMs > startMs + horizonMs) {
        return { key, calls: made, outcome };
      }
      clock.set(Math.max(outcome.untilMs, clock.now() + 1));
    }
  } finally {
    clock.set(startMs);
  }
  throw new Error(`the plan of ${formatKey(key)} did not settle in ${looksMax} looks`);
}
