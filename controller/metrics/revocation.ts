import type { Grant } from "#kinds/index.ts";
import type { Clock, EpochMs } from "#lib/clock.ts";
import type { MetricRegistry } from "#lib/metrics/registry.ts";
import type { CutReport } from "#wire/link.ts";
import type { StepResult } from "../reconcile/grant/act.ts";
import type { Action } from "../reconcile/grant/types.ts";
import { ownMetrics, revocationSteps, type RevocationStep } from "./definitions.ts";

/**
 * A task that has just started reports every grant that ended within the last day as cut. Without a session, a report this much later
 * than the end, in milliseconds, is one of those: a link's silence is noticed within 30 s, and tasks come back within seconds.
 */
export const cutReportMaxMs = 60_000;

/** Whether a task's report tells of something that has just happened. A proxy may be quicker than the record of the end. */
export function isNews(grant: Grant, { sessions }: Pick<CutReport, "sessions">, now: EpochMs): boolean {
  return sessions > 0 || !(now - endedAtOf(grant) > cutReportMaxMs);
}

/** When the access ended, by its record or by the request that is yet to be put on record; NaN where neither tells. */
function endedAtOf({ status }: Grant): EpochMs {
  return Date.parse(status?.end?.time ?? status?.endRequest?.time ?? "");
}

/** What is confirmed of a Grant's end, for metrics. */
export interface RevocationRecorder {
  /** A step in AWS was performed. */
  stepDone(grant: Grant, action: Action, result: StepResult): void;
  /** A task has cut the grant's sessions. `grant` is undefined where it is no longer known. */
  proxyCut(grant: Grant | undefined, report: Pick<CutReport, "sessions">): void;
}

/** Measures from the end on record (`status.end.time`) until now, each step once per Grant; the cut once per task. */
export function revocationRecorder(registry: MetricRegistry, clock: Clock): RevocationRecorder {
  const lag = registry.histogram(ownMetrics.revocationLag);
  for (const step of revocationSteps) {
    lag.expect({ step });
  }
  /** UIDs whose assignment was seen to be gone and whose set was not yet. */
  const unassigned = new Set<string>();

  function observe(grant: Grant, step: RevocationStep): void {
    const endedAt = endedAtOf(grant);
    if (!Number.isNaN(endedAt)) {
      lag.observe({ step }, Math.max(0, clock.now() - endedAt) / 1_000);
    }
  }
  function noteUnassigned(grant: Grant): void {
    const { uid = "" } = grant.metadata;
    if (!unassigned.has(uid)) {
      unassigned.add(uid);
      observe(grant, "assignment_removed");
    }
  }
  return {
    stepDone(grant, action, result) {
      if (isUnassigned(grant, action, result)) {
        noteUnassigned(grant);
      }
      if (action.kind === "RecordDeprovisioned") {
        // Nothing is left, whoever removed it: what this process did not see go is gone by now at the latest.
        noteUnassigned(grant);
        unassigned.delete(grant.metadata.uid ?? "");
        observe(grant, "permission_set_removed");
      }
    },
    proxyCut(grant, report) {
      if (grant !== undefined && isNews(grant, report, clock.now())) {
        observe(grant, "proxy_cut");
      }
    },
  };
}

/** Whether the step confirmed that nobody holds the set in the account any more. */
function isUnassigned({ status }: Grant, action: Action, result: StepResult): boolean {
  const isDone = result.wait === undefined && result.failed === undefined && result.refused === undefined;
  switch (action.kind) {
    case "AwaitOperation":
      return isDone && status?.external?.operation?.kind === "DeleteAssignment";
    case "DeleteAssignment":
      // Without an operation to wait for there was nothing to delete.
      return isDone && result.patch === undefined;
    case "DeletePermissionSet":
      // AWS refuses to delete a set that is assigned to anybody.
      return isDone;
    default:
      return false;
  }
}
