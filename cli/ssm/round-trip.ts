import type { TunnelLimits } from "./limits.ts";

/** Estimates the round-trip time and, from it, when an unacknowledged message counts as late. */
export interface RoundTrip {
  /** Takes a measurement, milliseconds, of a message that was sent exactly once. */
  measured(ms: number): void;
  /** Smoothed round-trip time, milliseconds. */
  smoothedMs(): number;
  /** The oldest message is resent when unacknowledged for longer than this, milliseconds: `lateMs`, capped. */
  timeoutMs(): number;
  /** A message unacknowledged for longer than this is later than the far end's own slowness explains, milliseconds. */
  lateMs(): number;
}

/**
 * The estimator of both reference ends (amazon-ssm-agent, calculateRetransmissionTimeout): variation gains 1/4, average 1/8,
 * timeout = average + max(margin, 4 × variation), capped. The variation is taken against the average before it moves.
 */
export function createRoundTrip(
  limits: Pick<TunnelLimits, "roundTripInitialMs" | "resendMarginMs" | "resendTimeoutMaxMs">,
): RoundTrip {
  let averageMs = limits.roundTripInitialMs;
  let variationMs = 0;
  // Twice the average: the reference's 200 ms, until something was measured.
  let lateMs = 2 * averageMs;
  return {
    measured(ms) {
      variationMs = (3 / 4) * variationMs + (1 / 4) * Math.abs(averageMs - ms);
      averageMs = (7 / 8) * averageMs + (1 / 8) * ms;
      lateMs = averageMs + Math.max(limits.resendMarginMs, 4 * variationMs);
    },
    smoothedMs: () => averageMs,
    timeoutMs: () => Math.min(lateMs, limits.resendTimeoutMaxMs),
    lateMs: () => lateMs,
  };
}
