/** Bounds of a back-off, in milliseconds. */
export interface BackoffLimits {
  /** The shortest pause, and what the first doubling starts from. */
  readonly baseMs: number;
  /** The longest pause. */
  readonly maxMs: number;
}

/**
 * 1 s to 5 min. A key fails because AWS throttles, is down or refuses: retries within a second only add to the load, and
 * a revocation must not wait longer than a few minutes once AWS is back.
 */
export const reconcileBackoff: BackoffLimits = { baseMs: 1_000, maxMs: 300_000 };

/** Counts failures per key and says how long to wait before the next try. */
export interface Backoff {
  /**
   * Counts one more failure and answers the pause in milliseconds: evenly spread between the base and the base doubled
   * once per failure (full jitter, so that keys that failed together do not return together), never above the maximum.
   */
  next(key: string): number;
  /** Starts over for `key`, after anything but a failure. */
  forget(key: string): void;
  /** Failures in a row of `key`. */
  failures(key: string): number;
}

/** A back-off with `random` in [0, 1) as its source of jitter. */
export function createBackoff(limits: BackoffLimits, random: () => number): Backoff {
  const counts = new Map<string, number>();
  return {
    next(key) {
      const failures = (counts.get(key) ?? 0) + 1;
      counts.set(key, failures);
      // 2^failures overflows to Infinity at 1024 failures, which the minimum takes care of.
      const ceilingMs = Math.min(limits.maxMs, limits.baseMs * 2 ** failures);
      return limits.baseMs + random() * Math.max(0, ceilingMs - limits.baseMs);
    },
    forget(key) {
      counts.delete(key);
    },
    failures: (key) => counts.get(key) ?? 0,
  };
}
