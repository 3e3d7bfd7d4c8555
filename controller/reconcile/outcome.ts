import type { EpochMs } from "#lib/clock.ts";
import { assertNever } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import { isFailure } from "../aws/errors.ts";
import { AwsFailure } from "../aws/ports.ts";
import { isKubeFailure, KubeFailure } from "../kube/failure.ts";
import type { Work, WorkQueue } from "../queue/queue.ts";
import type { Outcome } from "./reconciler.ts";

/** What `applyOutcome` asks of the queue. */
export type OutcomeQueue = Pick<WorkQueue, "forget" | "addAt" | "addRateLimited">;

/**
 * Shortest wait, in milliseconds: a reconciler that by mistake waits for a time that is past must not keep a worker spinning.
 * A time that was ahead when the run began, however near, is met.
 */
export const waitMinMs = 500;

/** When a run began and ended, by the wall clock; it may have been put back in between. */
interface RunTimes {
  readonly begun: EpochMs;
  readonly ended: EpochMs;
}

/**
 * Does what an outcome asks for: the only place that decides whether and when a key comes back. Only a failure counts for
 * the back-off; every other outcome ends it.
 * @param run wall-clock times at which the run began and ended
 */
export function applyOutcome(queue: OutcomeQueue, work: Work, outcome: Outcome, log: Log, run: RunTimes): void {
  switch (outcome.kind) {
    case "settled":
      queue.forget(work.key);
      log.debug("reconciled");
      return;
    case "waiting":
      queue.forget(work.key);
      queue.addAt(work.key, outcome.priority ?? "revoke", waitUntil(outcome.untilMs, run));
      log.debug("reconciled, will look again", { until: new Date(outcome.untilMs).toISOString(), why: outcome.why });
      return;
    case "refused":
      queue.forget(work.key);
      log.info("refused, a person must change something", { reason: outcome.reason, why: outcome.message });
      return;
    case "failed": {
      const retryInMs = Math.round(queue.addRateLimited(work.key, work.priority));
      logFailure(log, outcome.error, retryInMs);
      return;
    }
    default:
      assertNever(outcome);
  }
}

/**
 * A time that lay ahead is kept to the millisecond, so that an expiry is met, also one that has come while the run went on; one that did not is
 * put off.
 */
function waitUntil(untilMs: EpochMs, { begun, ended }: RunTimes): EpochMs {
  return untilMs > Math.min(begun, ended) ? untilMs : ended + waitMinMs;
}

/** What only a mistake in the program throws. */
export function isDefect(thrown: unknown): boolean {
  return (
    !(thrown instanceof Error) ||
    [TypeError, RangeError, ReferenceError, SyntaxError].some((mistake) => thrown instanceof mistake)
  );
}

/**
 * Logs why a run will be repeated. What to expect of AWS and of an API server is no error: people read every error line as a fault. That another writer was first is not
 * even worth a warning. Anything else that was thrown is a defect and keeps its stack.
 */
export function logFailure(log: Log, error: Error, retryInMs: number): void {
  if (isFailure(error, "conflict", "busy") || isKubeFailure(error, "conflict")) {
    log.info("another change was first, will retry", { why: error.message, retryInMs });
  } else if (error instanceof AwsFailure) {
    const { call, code, failure, message } = error;
    log.warn("AWS did not do what was asked, will retry", { call, code, failure, why: message, retryInMs });
  } else if (error instanceof KubeFailure) {
    const { kind, code, reason, message } = error;
    log.warn("the API server did not do what was asked, will retry", { code, kind, reason, why: message, retryInMs });
  } else {
    log.error("reconcile failed, will retry", { error, stack: error.stack, retryInMs });
  }
}
