import type { Clock } from "#lib/clock.ts";

/** First wait, in milliseconds, of a list or watch that failed; the waits double (client-go, tools/cache/reflector.go). */
export const backoffMinMs = 800;
/** Longest wait before jitter, in milliseconds; jitter makes it up to twice as long. */
export const backoffMaxMs = 30_000;
/** After this long, in milliseconds, without a failure the waits begin from the first again. */
export const backoffResetMs = 120_000;

/** Waits that double, with jitter, so that a fleet does not come back to a server all at once. */
export interface Backoff {
  /** The next wait, in milliseconds; not shorter than `atLeastMs`, which the server asked for. */
  next(atLeastMs?: number): number;
}

/** @param random in [0, 1) */
export function createBackoff(clock: Pick<Clock, "monotonicMs">, random: () => number): Backoff {
  let nextMs = backoffMinMs;
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    next(atLeastMs = 0) {
      const now = clock.monotonicMs();
      if (now - lastMs >= backoffResetMs) {
        nextMs = backoffMinMs;
      }
      const baseMs = nextMs;
      nextMs = Math.min(nextMs * 2, backoffMaxMs);
      const waitMs = Math.max(baseMs * (1 + random()), atLeastMs);
      lastMs = now + waitMs;
      return waitMs;
    },
  };
}
