import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { hasSlept, isInDoubt, lookEveryMs, silenceMaxMs, sleepMinMs, SleepWatch } from "./sleep-watch.ts";

const start = { nowMs: 1_000_000, monotonicMs: 500 };
const later = (wallMs: number, monotonicMs: number) => ({
  nowMs: start.nowMs + wallMs,
  monotonicMs: start.monotonicMs + monotonicMs,
});

describe("a sleep between two looks at the clocks", () => {
  it.each([
    ["shows by the wall clock where the monotonic one stands still meanwhile", later(3_600_000, lookEveryMs), true],
    ["shows by a timer that fires late where both clocks go on", later(3_600_000, 3_600_000), true],
    ["shows by the monotonic clock where the wall clock was set back meanwhile", later(-5_000, 3_600_000), true],
    ["is none when the look was on time", later(lookEveryMs, lookEveryMs), false],
    ["is none when the wall clock was set back", later(-3_600_000, lookEveryMs), false],
    ["is none when the process was busy for a moment", later(lookEveryMs + sleepMinMs - 1, 0), false],
    ["begins to count at the least that means one", later(lookEveryMs + sleepMinMs, 0), true],
  ])("%s", (_, now, slept) => {
    expect(hasSlept(start, now)).toBe(slept);
  });

  it("is seen whichever clock it shows by, and never in looks on time", () => {
    const time = fc.integer({ min: 0, max: 10 ** 9 });
    fc.assert(
      fc.property(time, time, (wallMs, monotonicMs) => {
        const isLong = wallMs >= lookEveryMs + sleepMinMs || monotonicMs >= lookEveryMs + sleepMinMs;
        expect(hasSlept(start, later(wallMs, monotonicMs))).toBe(isLong);
      }),
    );
  });
});

it("a way is in doubt once it was silent for longer than busy ones are", () => {
  expect([0, silenceMaxMs, silenceMaxMs + 1].map(isInDoubt)).toEqual([false, false, true]);
});

describe("the watch for a sleep", () => {
  it("says so at the first look after it, and once", () => {
    const clock = manualClock();
    let woken = 0;
    const watch = new SleepWatch(clock, () => (woken += 1));
    clock.advance(10 * lookEveryMs);
    expect(woken).toBe(0);

    clock.jump(3_600_000);
    clock.advance(lookEveryMs);
    expect(woken).toBe(1);
    clock.advance(10 * lookEveryMs);

    expect([woken, watch.look()]).toEqual([1, false]);
    watch.stop();
    expect(clock.pendingCount()).toBe(0);
  });

  it("does not wait for its time where somebody is about to use the way", () => {
    const clock = manualClock();
    let woken = 0;
    const watch = new SleepWatch(clock, () => (woken += 1));

    clock.jump(3_600_000);

    expect([watch.look(), woken, watch.look()]).toEqual([true, 1, false]);
  });
});
