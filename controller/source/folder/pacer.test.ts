import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { createPacer, debounceMaxMs, debounceMs } from "./pacer.ts";

function setUp(scan: () => Promise<void> = async () => {}) {
  const clock = manualClock();
  const seen = { scans: 0 };
  const pacer = createPacer(clock, 10_000, () => {
    seen.scans += 1;
    return scan();
  });
  return { clock, seen, pacer };
}

/** Lets everything that needs no timer happen. */
async function flush(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await Promise.resolve();
  }
}

describe("pacer", () => {
  it("scans at every period after the first scan", async () => {
    const { clock, seen, pacer } = setUp();
    await pacer.now();
    for (let period = 0; period < 3; period += 1) {
      clock.advance(10_000);
      await flush();
    }

    expect(seen.scans).toBe(4);
  });

  it("makes one scan of many hints, once they cease", async () => {
    const { clock, seen, pacer } = setUp();
    for (let hint = 0; hint < 5; hint += 1) {
      pacer.hint();
      clock.advance(debounceMs - 1);
    }
    expect(seen.scans).toBe(0);

    clock.advance(1);
    await flush();

    expect(seen.scans).toBe(1);
  });

  it("is not put off for ever by hints that do not cease", async () => {
    const { clock, seen, pacer } = setUp();
    for (let passedMs = 0; passedMs < debounceMaxMs; passedMs += 50) {
      pacer.hint();
      clock.advance(50);
    }
    await flush();

    expect(seen.scans).toBe(1);
  });

  it("never runs two scans at a time, and scans again for those who asked while one was running", async () => {
    const open: (() => void)[] = [];
    const { seen, pacer } = setUp(() => new Promise((resolve) => open.push(resolve)));
    const first = pacer.now();
    const second = pacer.now();
    const third = pacer.now();
    expect(seen.scans).toBe(1);

    open[0]?.();
    await first;
    await flush();
    expect(seen.scans).toBe(2);
    open[1]?.();

    await Promise.all([second, third]);
    expect(seen.scans).toBe(2);
  });

  it("stops after the scan that is running, and leaves no timer", async () => {
    const open: (() => void)[] = [];
    const { clock, seen, pacer } = setUp(() => new Promise((resolve) => open.push(resolve)));
    const running = pacer.now();
    const asked = pacer.now();
    const stopping = pacer.stop();
    open[0]?.();

    await Promise.all([stopping, running, asked]);
    pacer.hint();
    await pacer.now();

    expect(seen.scans).toBe(1);
    expect(clock.pendingCount()).toBe(0);
  });
});
