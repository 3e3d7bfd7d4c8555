import type { CancelTimer, Clock } from "#lib/clock.ts";

/** How often the clocks are looked at. A sleep is noticed within it after waking up: on Linux timers stand still meanwhile. */
export const lookEveryMs = 2_000;
/**
 * What a look must come too late, by either clock, to mean a sleep. A process that was busy for so long, or a wall clock that is set forward, costs
 * one ping.
 */
export const sleepMinMs = 3_000;
/** A way that has been silent for longer is tried before a client waits for it. Live ones say something every 30 s at least, busy ones always. */
export const silenceMaxMs = 5_000;

/** A moment by both clocks, milliseconds. */
export interface Instant {
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/**
 * Whether the computer slept between two looks. The wall clock goes on while it does; the monotonic clock does so too, or stands still, as
 * each system has it (Linux: clock_gettime(2), CLOCK_MONOTONIC does not count suspension). So either may show it.
 */
export function hasSlept(before: Instant, now: Instant): boolean {
  const passedMs = Math.max(now.nowMs - before.nowMs, now.monotonicMs - before.monotonicMs);
  return passedMs >= lookEveryMs + sleepMinMs;
}

/** Whether a way that has said nothing for so long should be tried as somebody is about to use it. */
export function isInDoubt(silentMs: number): boolean {
  return silentMs > silenceMaxMs;
}

/** Notices that the computer has slept. */
export class SleepWatch {
  readonly #clock: Clock;
  readonly #woke: () => void;
  #last: Instant;
  #cancel: CancelTimer = () => {};

  constructor(clock: Clock, woke: () => void) {
    this.#clock = clock;
    this.#woke = woke;
    this.#last = this.#instant();
    this.#arm();
  }

  /** Looks at the clocks before it is time, for somebody who is about to use what may be dead. Whether there was a sleep. */
  look(): boolean {
    const now = this.#instant();
    const slept = hasSlept(this.#last, now);
    this.#last = now;
    if (slept) {
      this.#woke();
    }
    return slept;
  }

  stop(): void {
    this.#cancel();
  }

  #instant(): Instant {
    return { nowMs: this.#clock.now(), monotonicMs: this.#clock.monotonicMs() };
  }

  #arm(): void {
    this.#cancel = this.#clock.after(lookEveryMs, () => {
      this.look();
      this.#arm();
    });
  }
}
