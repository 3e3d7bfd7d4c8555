import type { Clock } from "#lib/clock.ts";
import { HttpProblem } from "../route.ts";

/**
 * Attempts at one way of signing in, of all callers together. 50,000 people who begin work within ten minutes are 83 a second. What
 * an attempt costs is a signature check or a look into a map, below a millisecond: a flood takes a tenth of one core at most.
 */
export const attemptsPerSecond = 100;
/** A team whose day begins with the same meeting. */
export const attemptsBurst = 200;

/** Bounds how often strangers may try: a token bucket, by the clock that never goes back. */
export class Attempts {
  readonly #clock: Clock;
  #tokens = attemptsBurst;
  #filledMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#filledMs = clock.monotonicMs();
  }

  /** Counts one attempt. Throws `HttpProblem` 429 when there were too many. */
  count(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#tokens = Math.min(attemptsBurst, this.#tokens + ((nowMs - this.#filledMs) / 1_000) * attemptsPerSecond);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) {
      throw new HttpProblem(429, "TooManySignIns", "too many people are signing in at this moment", {
        next: "Try again in a few seconds.",
      });
    }
    this.#tokens -= 1;
  }
}
