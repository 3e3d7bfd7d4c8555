import type { CancelTimer, Clock } from "#lib/clock.ts";

/** How long, in milliseconds, hints must cease before a scan: one save of an editor makes several. */
export const debounceMs = 100;

/** A scan is put off by further hints for at most this long, in milliseconds. */
export const debounceMaxMs = 1_000;

/** When the next scan is due, and that never two run at a time. */
export interface Pacer {
  /** Something may have changed. */
  hint(): void;
  /** Scans after `afterMs`, should nothing cause one before. */
  later(afterMs: number): void;
  /** Scans now, after the one that may be running, and resolves when that is done. */
  now(): Promise<void>;
  /** Starts no more scans and resolves when the running one is done. */
  stop(): Promise<void>;
}

/**
 * Calls `scan` at every period and whenever there is reason to.
 * @param scan never rejects
 */
export function createPacer(clock: Clock, periodMs: number, scan: () => Promise<void>): Pacer {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let timer: { readonly dueMs: number; readonly cancel: CancelTimer } | undefined;
  let firstHintMs: number | undefined;
  let stopped = false;

  const run = async (): Promise<void> => {
    timer?.cancel();
    timer = undefined;
    firstHintMs = undefined;
    await scan();
    schedule(periodMs);
  };
  const start = (): Promise<void> => {
    running = run().finally(() => {
      running = undefined;
    });
    return running;
  };
  const now = (): Promise<void> => {
    if (stopped) {
      return Promise.resolve();
    }
    if (running === undefined) {
      return start();
    }
    // Whoever asks while one is running may have changed what that one has already read: they share the one after it.
    next ??= running.then(() => {
      next = undefined;
      return stopped ? undefined : start();
    });
    return next;
  };
  const schedule = (afterMs: number, isHint = false): void => {
    const dueMs = clock.monotonicMs() + afterMs;
    if (stopped || (!isHint && timer !== undefined && timer.dueMs <= dueMs)) {
      return;
    }
    timer?.cancel();
    timer = { dueMs, cancel: clock.after(afterMs, () => void now()) };
  };
  return {
    hint() {
      const nowMs = clock.monotonicMs();
      firstHintMs ??= nowMs;
      const latestMs = Math.max(0, firstHintMs + debounceMaxMs - nowMs);
      schedule(Math.min(debounceMs, latestMs), true);
    },
    later: schedule,
    now,
    async stop() {
      stopped = true;
      timer?.cancel();
      await next;
      await running;
    },
  };
}
