import type { EpochMs } from "#lib/clock.ts";

const hourMs = 3_600_000;
/**
 * A longer silence in what shows that time passed may have been no silence but a jump of the clock. Shorter jumps take a day from an age that
 * is counted in days anyway. A controller that runs looks every hour, whether or not records come.
 */
export const silenceMaxHours = 24;
/**
 * After such a silence the clock is believed when it has gone on for so long: who is told of it on a Friday evening still has the Monday to
 * mend it.
 */
export const steadyHours = 3 * 24;

/** The hour of an instant, counted from 1970: by these it is remembered when the clock was seen. */
export function hourOf(time: EpochMs): number {
  return Math.floor(time / hourMs);
}

/** Why the clock is not believed yet. */
export interface ClockDoubt {
  /** When it was seen last before the silence, and first after it, RFC 3339 to the hour. */
  readonly lastSeen: string;
  readonly seenAgain: string;
  /** How much of that was silence, in hours. */
  readonly silentHours: number;
  /** When it will be believed if it goes on without another silence, RFC 3339. */
  readonly believedFrom: string;
}

/**
 * Judges whether it is as late as the clock says. One reading proves nothing: a clock that was set years ahead reads like one that is right.
 * `seen` are hours at which the same clock was read and that was written down: signed heads, and looks of this process. Undefined: they
 * lead to now without a silence that is too long, from their beginning or for long enough. Pure.
 */
export function doubtOf(now: EpochMs, seen: ReadonlySet<number>): ClockDoubt | undefined {
  const hours = [...seen].filter((hour) => hour <= hourOf(now)).sort((a, b) => b - a);
  let since = hourOf(now);
  for (const hour of hours) {
    if (since - hour > silenceMaxHours) {
      return {
        lastSeen: timeOf(hour),
        seenAgain: timeOf(since),
        silentHours: since - hour,
        believedFrom: timeOf(since + steadyHours),
      };
    }
    if (hourOf(now) - hour >= steadyHours) {
      return undefined;
    }
    since = hour;
  }
  return undefined;
}

function timeOf(hour: number): string {
  return new Date(hour * hourMs).toISOString();
}
