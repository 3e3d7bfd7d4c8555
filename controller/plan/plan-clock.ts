import type { Clock, EpochMs } from "#lib/clock.ts";

/** A clock that a plan sets: each object is looked at from the same moment on, and its waits pass at once. */
export interface PlanClock extends Clock {
  /** Sets the wall clock, and the monotonic one with it. */
  set(now: EpochMs): void;
}

/** A clock that stands at `start`. Its timers never fire: nothing that a plan runs may depend on one. */
export function planClock(start: EpochMs): PlanClock {
  let now = start;
  return {
    now: () => now,
    monotonicMs: () => now - start,
    after: () => () => {},
    set(to) {
      now = to;
    },
  };
}
