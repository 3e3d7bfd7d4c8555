import type { SinkFailure } from "./failure.ts";

/** First pause is somewhere below this. */
const baseMs = 1_000;
/** A destination that comes back is noticed within a minute. */
const passingMaxMs = 60_000;
/** What a person must change is asked for less often; every try of a refused delivery is a line in somebody's log. */
const refusedMaxMs = 300_000;

/**
 * Pause before the next try after `failures` in a row (1 and more), in milliseconds: exponential with full jitter, so that many sinks
 * of many installations do not come back at once. `random` is in [0, 1). Never shorter than the destination asked for.
 */
export function backoffMs(
  failure: Pick<SinkFailure, "kind" | "retryAfterMs">,
  failures: number,
  random: number,
): number {
  const maxMs = failure.kind === "refused" ? refusedMaxMs : passingMaxMs;
  // Beyond 2^20 it is the maximum anyway, and never infinite.
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 20));
  return Math.max(Math.round(random * ceiling), failure.retryAfterMs ?? 0);
}
