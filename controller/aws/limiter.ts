import type { Clock } from "#lib/clock.ts";
import type { CallUrgency } from "./ports.ts";

/** Lets calls through at a bounded rate. */
export interface Limiter {
  /** Resolves when the call may be made. Calls of urgency `revoke` go before all that still wait; each urgency is first come, first served. */
  take(urgency: CallUrgency): Promise<void>;
}

/**
 * "All Identity Center admin APIs share 20 TPS" (IAM Identity Center quotas). Burst and rate add up to it, so that no
 * window of one second sees more, however AWS counts.
 */
export const identityCenterLimit: LimiterOptions = { perSecond: 16, burst: 4 };

export interface LimiterOptions {
  /** Tokens that come back each second. */
  readonly perSecond: number;
  /** Tokens that an idle limiter holds. */
  readonly burst: number;
}

/** A token bucket with two waiting lines. It never goes by the wall clock. */
export function createLimiter(options: LimiterOptions, clock: Clock): Limiter {
  const waiting: Record<CallUrgency, (() => void)[]> = { revoke: [], change: [] };
  const msPerToken = 1_000 / options.perSecond;
  let tokens = options.burst;
  let filledAt = clock.monotonicMs();
  let timerSet = false;

  function refill(): void {
    const now = clock.monotonicMs();
    tokens = Math.min(options.burst, tokens + (now - filledAt) / msPerToken);
    filledAt = now;
  }
  function drain(): void {
    refill();
    // A timer may fire a fraction of a millisecond early; without the tolerance it would be set again at once.
    while (tokens >= 1 - 1e-6) {
      const next = waiting.revoke.shift() ?? waiting.change.shift();
      if (next === undefined) {
        return;
      }
      tokens -= 1;
      next();
    }
    if (!timerSet && waiting.revoke.length + waiting.change.length > 0) {
      timerSet = true;
      clock.after(Math.max((1 - tokens) * msPerToken, 1), () => {
        timerSet = false;
        drain();
      });
    }
  }
  return {
    take: (urgency) =>
      new Promise((resolve) => {
        waiting[urgency].push(resolve);
        drain();
      }),
  };
}
