/** Milliseconds since the Unix epoch, by the wall clock. */
export type EpochMs = number;

/** Cancels a timer. Calling it after the timer fired, or twice, does nothing. */
export type CancelTimer = () => void;

/**
 * The only way that code outside `main.ts` files learns the time or waits.
 * Wall time can jump; use `monotonicMs` for anything that must end on time whatever the wall clock does.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch. */
  now(): EpochMs;
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number;
  /** Calls `fire` once, after `delayMs` or later. Delays beyond a timer's range are split, never cut short. */
  after(delayMs: number, fire: () => void): CancelTimer;
}

/** Node's largest timer delay, 2^31−1 ms (24.8 days): a longer one would fire after 1 ms. */
const timerDelayMaxMs = 2 ** 31 - 1;

/** The machine's clock. Its timers do not keep the process alive on their own. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, fire) {
    const endsAt = performance.now() + delayMs;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const leftMs = endsAt - performance.now();
      timer = setTimeout(leftMs > timerDelayMaxMs ? arm : fire, Math.min(Math.max(leftMs, 0), timerDelayMaxMs));
      timer.unref();
    };
    arm();
    return () => clearTimeout(timer);
  },
};

/** A clock that moves only when told to, for tests. */
export interface ManualClock extends Clock {
  /** Moves both clocks forward and fires what falls due, in order of time. */
  advance(byMs: number): void;
  /** Moves the wall clock alone, as NTP or an operator does. */
  jump(byMs: number): void;
  /** How many timers are waiting. */
  pendingCount(): number;
}

/** Starts a manual clock at `startMs`. */
export function manualClock(startMs: EpochMs = Date.UTC(2026, 0, 1)): ManualClock {
  let wall = startMs;
  let monotonic = 0;
  let waiting: { at: number; fire: () => void }[] = [];
  return {
    now: () => wall,
    monotonicMs: () => monotonic,
    after(delayMs, fire) {
      const entry = { at: monotonic + Math.max(delayMs, 0), fire };
      waiting.push(entry);
      return () => {
        waiting = waiting.filter((other) => other !== entry);
      };
    },
    advance(byMs) {
      const target = monotonic + byMs;
      for (;;) {
        const next = waiting.filter((entry) => entry.at <= target).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) {
          break;
        }
        waiting = waiting.filter((entry) => entry !== next);
        wall += next.at - monotonic;
        monotonic = next.at;
        next.fire();
      }
      wall += target - monotonic;
      monotonic = target;
    },
    jump(byMs) {
      wall += byMs;
    },
    pendingCount: () => waiting.length,
  };
}

/** Resolves after `delayMs` by `clock`, or rejects with the signal's reason as soon as it is aborted. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(toError(signal.reason));
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(toError(signal?.reason));
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("aborted");
}
