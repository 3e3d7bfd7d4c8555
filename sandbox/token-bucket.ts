import type { Clock } from "#lib/clock.ts";

/** Takes one token; false when there is none. */
export type TakeToken = () => boolean;

/** A bucket that holds one second's worth of tokens and refills steadily. An infinite rate never refuses. */
export function tokenBucket(clock: Clock, perSecond: number): TakeToken {
  let tokens = perSecond;
  let filledAt = clock.monotonicMs();
  return () => {
    if (perSecond === Infinity) {
      return true;
    }
    const now = clock.monotonicMs();
    tokens = Math.min(perSecond, tokens + ((now - filledAt) / 1000) * perSecond);
    filledAt = now;
    if (tokens < 1) {
      return false;
    }
    tokens -= 1;
    return true;
  };
}
