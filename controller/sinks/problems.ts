import { isHeadsName } from "#audit/sinks/head-source.ts";
import type { RunnerStatus } from "#audit/sinks/runner.ts";
import type { EpochMs } from "#lib/clock.ts";

/** A destination that is restarted is back sooner. */
const passingMs = 5 * 60_000;

/** What of the sinks a person must look at. Pure. */
export function sinkProblems(statuses: readonly RunnerStatus[], nowMs: EpochMs): string[] {
  return statuses.flatMap(({ name, failure, behind, lost }) => {
    const problems: string[] = [];
    if (failure !== undefined && (failure.kind === "refused" || nowMs - failure.sinceMs >= passingMs)) {
      const since = new Date(failure.sinceMs).toISOString();
      problems.push(
        `audit sink ${name} has taken nothing since ${since}, ${behind} ${isHeadsName(name) ? "signed heads" : "records"} wait for it: ${failure.message}`,
      );
    }
    if (lost > 0) {
      problems.push(`audit sink ${name} never got ${lost} records, which retention removed before`);
    }
    return problems;
  });
}
