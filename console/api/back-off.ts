/** Longest pause of the first retry, in milliseconds: a cut connection is usually back at once. */
const firstMs = 500;
/** Longest pause of all, in milliseconds: a controller that restarts for longer does not get every browser every second. */
const mostMs = 30_000;

/**
 * Pause before the n-th try in a row (from 1), in milliseconds: exponential with full jitter, so that the browsers that one restart cut
 * off do not come back at the same moment. `random` is from 0 (included) to 1 (excluded). The least is a fifth of the most, so that
 * no browser hammers.
 */
export function backOffMs(attempt: number, random: number): number {
  const most = Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 16));
  return Math.round(most * (0.2 + 0.8 * random));
}
