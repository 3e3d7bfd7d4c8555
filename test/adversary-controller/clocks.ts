import { systemClock, type Clock } from "#lib/clock.ts";

/** The machine's clock, whose wall time a test can put forward or back as NTP or an operator does. Timers go on. */
export interface ShiftedClock extends Clock {
  shift(byMs: number): void;
}

/** A clock that is right until it is shifted. */
export function shiftedClock(): ShiftedClock {
  let shiftMs = 0;
  return {
    ...systemClock,
    now: () => systemClock.now() + shiftMs,
    shift(byMs) {
      shiftMs += byMs;
    },
  };
}

/** The machine's clock at a multiple of its speed: an hour's timers in seconds. Wall time begins at the machine's. */
export function fastClock(speed: number): Clock {
  const startedAt = systemClock.now();
  const startedMs = systemClock.monotonicMs();
  const monotonicMs = (): number => (systemClock.monotonicMs() - startedMs) * speed;
  return {
    now: () => startedAt + monotonicMs(),
    monotonicMs,
    after: (delayMs, fire) => systemClock.after(delayMs / speed, fire),
  };
}
