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
