import { assertNever } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import { AwsFailure } from "../aws/ports.ts";
import type { Work, WorkQueue } from "../queue/queue.ts";
import type { Outcome } from "./reconciler.ts";

/** What `applyOutcome` asks of the queue. */
export type OutcomeQueue = Pick<WorkQueue, "forget" | "addAt" | "addRateLimited">;

/**
 * Does what an outcome asks for: the only place that decides whether and when a key comes back. Only a failure counts for
 * the back-off; every other outcome ends it.
 */
export function applyOutcome(queue: OutcomeQueue, work: Work, outcome: Outcome, log: Log): void {
  switch (outcome.kind) {
    case "settled":
      queue.forget(work.key);
      log.debug("reconciled");
      return;
    case "waiting":
      queue.forget(work.key);
      queue.addAt(work.key, outcome.priority ?? "revoke", outcome.untilMs);
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

/** An answer of AWS is something to expect; anything else that was thrown is a defect and keeps its stack. */
function logFailure(log: Log, error: Error, retryInMs: number): void {
  if (error instanceof AwsFailure) {
    const { call, code, failure, message } = error;
    log.warn("AWS did not do what was asked, will retry", { call, code, failure, why: message, retryInMs });
  } else {
    log.error("reconcile failed, will retry", { error, stack: error.stack, retryInMs });
  }
}
