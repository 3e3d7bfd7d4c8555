import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { doubtOf, hourOf, silenceMaxHours, steadyHours } from "./clock-trust.ts";

const start = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;
const at = (hours: number): number => start + hours * hourMs;
/** Hours after the start at which the clock was seen. */
const seen = (...hours: readonly number[]): Set<number> => new Set(hours.map((hour) => hourOf(at(hour))));
const every = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);
const year = 365 * 24;

describe("a clock", () => {
  it("is believed where it was seen all the time, or for long enough, or where there is nothing older", () => {
    expect(doubtOf(at(500), seen(...every(0, 500, silenceMaxHours)))).toBeUndefined();
    expect(doubtOf(at(year + steadyHours), seen(0, ...every(year, year + steadyHours)))).toBeUndefined();
    expect(doubtOf(at(5), seen(0))).toBeUndefined();
    expect(doubtOf(at(5), seen())).toBeUndefined();
  });

  it("is not believed right after a silence, however often it is read then, and says until when", () => {
    const after = seen(...every(0, 50), ...every(year, year + steadyHours - 1));

    expect(doubtOf(at(year), seen(...every(0, 50)))).toMatchObject({ silentHours: year - 50 });
    expect(doubtOf(at(year + steadyHours - 1), after)).toEqual({
      lastSeen: new Date(at(50)).toISOString(),
      seenAgain: new Date(at(year)).toISOString(),
      silentHours: year - 50,
      believedFrom: new Date(at(year + steadyHours)).toISOString(),
    });
  });

  it("that was ahead and was put right again is believed by what was seen before now, whatever was seen later", () => {
    expect(doubtOf(at(60), seen(...every(0, 60), ...every(year, year + 200)))).toBeUndefined();
  });

  it("is never believed less than steadyHours after a silence, and always after that", () => {
    const hours = fc.uniqueArray(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 60 });

    fc.assert(
      fc.property(hours, (list) => {
        const sorted = list.toSorted((a, b) => a - b);
        const now = sorted.at(-1) ?? 0;
        const jumps = sorted.filter((hour, index) => index > 0 && hour - (sorted[index - 1] ?? 0) > silenceMaxHours);
        const last = jumps.at(-1);
        const isBelieved = last === undefined || now - last >= steadyHours;

        expect(doubtOf(at(now), seen(...list)) === undefined).toBe(isBelieved);
      }),
    );
  });
});
