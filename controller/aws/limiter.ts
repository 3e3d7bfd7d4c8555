import type { Clock } from "#lib/clock.ts";
import { Line } from "./line.ts";
import type { CallUrgency } from "./ports.ts";

/** Lets calls through at a bounded rate. */
export interface Limiter {
  /**
   * Resolves when the call may be made. Calls of urgency `revoke` go before all that still wait, those of urgency `check` after
   * all; each urgency is first come, first served.
   */
  take(urgency: LimiterUrgency): Promise<void>;
}

/**
 * `turn`: a call of whoever has its account's turn goes after revocations and before everything else, since AWS updates no other role
 * of the account until it is done.
 */
export type LimiterUrgency = CallUrgency | "turn";

/**
 * "All Identity Center admin APIs share 20 TPS" (IAM Identity Center quotas). Burst, slack and rate add up to it, so that no
 * window of one second sees more, however AWS counts. As little as possible is burst: it serves the first call after a pause, the
 * rate serves all others. The slack is 10 ms, by which timers of a busy process are late: each would cost a fifth of a call.
 */
export const identityCenterLimit: LimiterOptions = { perSecond: 18.8, burst: 1, slack: 0.2 };

export interface LimiterOptions {
  /** Tokens that come back each second. */
  readonly perSecond: number;
  /** Tokens that an idle limiter holds. */
  readonly burst: number;
  /** Tokens that it holds beyond these while calls wait. Absent: none. */
  readonly slack?: number;
}

/** A token bucket with a waiting line for each urgency. It never goes by the wall clock. A take costs the same however many wait. */
export function createLimiter(options: LimiterOptions, clock: Clock): Limiter {
  const waiting: Readonly<Record<LimiterUrgency, Line<() => void>>> = {
    revoke: new Line(),
    turn: new Line(),
    change: new Line(),
    check: new Line(),
  };
  const lines = [waiting.revoke, waiting.turn, waiting.change, waiting.check];
  const next = (): (() => void) | undefined => lines.find((line) => line.size > 0)?.shift();
  const isWaiting = (): boolean => lines.some((line) => line.size > 0);
  const msPerToken = 1_000 / options.perSecond;
  let tokens = options.burst;
  let filledAt = clock.monotonicMs();
  let timerSet = false;

  function refill(): void {
    const now = clock.monotonicMs();
    const most = options.burst + (isWaiting() ? (options.slack ?? 0) : 0);
    tokens = Math.min(most, tokens + (now - filledAt) / msPerToken);
    filledAt = now;
  }
  function drain(): void {
    refill();
    // A timer may fire a fraction of a millisecond early; without the tolerance it would be set again at once.
    while (tokens >= 1 - 1e-6) {
      const call = next();
      if (call === undefined) {
        return;
      }
      tokens -= 1;
      call();
    }
    if (!timerSet && isWaiting()) {
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
        refill();
        waiting[urgency].push(resolve);
        drain();
      }),
  };
}
