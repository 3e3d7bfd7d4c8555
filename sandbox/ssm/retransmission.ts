/** Estimate of the round trip from which the retransmission timeout follows; all in milliseconds. */
export interface RoundTrip {
  readonly smoothedMs: number;
  readonly variationMs: number;
  readonly timeoutMs: number;
}

/** How often the oldest unacknowledged message is looked at. */
export const retransmissionTickMs = 100;

const clockGranularityMs = 10;
const timeoutMaxMs = 1_000;

/** What the reference agent starts with. */
export const initialRoundTrip: RoundTrip = { smoothedMs: 100, variationMs: 0, timeoutMs: 200 };

/** Takes in one measured round trip (the estimator of RFC 6298 with the reference agent's constants). */
export function withSample(before: RoundTrip, sampleMs: number): RoundTrip {
  const variationMs = 0.75 * before.variationMs + 0.25 * Math.abs(before.smoothedMs - sampleMs);
  const smoothedMs = 0.875 * before.smoothedMs + 0.125 * sampleMs;
  const timeoutMs = Math.min(smoothedMs + Math.max(clockGranularityMs, 4 * variationMs), timeoutMaxMs);
  return { smoothedMs, variationMs, timeoutMs };
}
