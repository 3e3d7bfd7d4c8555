import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { afterFlush, noSyncTimes, syncStallMs, syncThresholdsMs, type SyncTimes } from "./sync-place.ts";

const after = (flushes: readonly number[], from: SyncTimes = noSyncTimes): SyncTimes =>
  flushes.reduce(afterFlush, from);
const times = (count: number, ms: number): number[] => Array.from({ length: count }, () => ms);

describe("afterFlush", () => {
  it("begins in the thread pool and comes to the event loop on a fast device", () => {
    expect(noSyncTimes.place).toBe("thread-pool");
    expect(after([0.1]).place).toBe("event-loop");
  });

  it("leaves the event loop when the device becomes slow, and at once after one stall", () => {
    const fast = after(times(10, 0.1));

    expect(after(times(20, 0.9), fast).place).toBe("thread-pool");
    expect(after([syncStallMs], fast).place).toBe("thread-pool");
    expect(after([1], fast).place).toBe("event-loop");
  });

  it("stays where it is between the thresholds, and comes back after a stall once it is fast again", () => {
    const between = (syncThresholdsMs.toEventLoop + syncThresholdsMs.toThreadPool) / 2;

    expect(after(times(50, between)).place).toBe("thread-pool");
    expect(after(times(50, between), after([0.1])).place).toBe("event-loop");
    expect(after([syncStallMs, ...times(60, 0.1)], after([0.1])).place).toBe("event-loop");
  });

  it("never leaves a device that flushes slowly on the event loop, whatever came before", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 100, noNaN: true })), (before) => {
        expect(after([...before, ...times(60, syncThresholdsMs.toThreadPool * 1.5)]).place).toBe("thread-pool");
      }),
    );
  });
});
