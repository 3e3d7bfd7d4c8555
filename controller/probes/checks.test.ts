import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import {
  clockCheck,
  clockDriftMaxMs,
  leaseCheck,
  leaseLostGraceMs,
  loopCheck,
  reflectorsCheck,
  reflectorStuckMs,
  syncedCheck,
} from "./checks.ts";
import { EventLoopWatch, meanDelayMaxMs, windowMs } from "./event-loop.ts";

describe("liveness", () => {
  it("bears a wall clock that moves by five minutes, either way, and not more", () => {
    const clock = manualClock();
    const check = clockCheck(clock);

    clock.jump(clockDriftMaxMs);
    expect(check.failure()).toBeUndefined();
    clock.jump(-2 * clockDriftMaxMs);
    expect(check.failure()).toBeUndefined();
    clock.jump(-1);

    expect(check.failure()).toContain("wall clock");
  });

  it("does not take time that passes for drift", () => {
    const clock = manualClock();
    const check = clockCheck(clock);

    clock.advance(10 * clockDriftMaxMs);

    expect(check.failure()).toBeUndefined();
  });

  it("fails when every worker is stuck", () => {
    expect(loopCheck(() => ({ stuck: false, oldestRunMs: 500_000 })).failure()).toBeUndefined();
    expect(loopCheck(() => ({ stuck: true, oldestRunMs: 500_000 })).failure()).toContain("500 s");
  });

  it("fails when one reflector does nothing any more, and names it", () => {
    const clock = manualClock();
    const pulses = { grants: 0, proxies: 0 };
    const check = reflectorsCheck(
      () => Object.entries(pulses).map(([name, lastStepMs]) => ({ name, lastStepMs })),
      clock,
    );

    clock.advance(reflectorStuckMs);
    expect(check.failure()).toBeUndefined();
    pulses.grants = clock.monotonicMs();
    clock.advance(1);

    expect(check.failure()).toBe("no step for minutes: proxies");
  });

  it("fails when a lost lease did not end the process, or a held one is not renewed", () => {
    const clock = manualClock();
    let tell: (isLeading: boolean) => void = () => {};
    let renewedMs: number | undefined;
    const leadership = {
      lastRenewedMs: () => renewedMs,
      onChange: (listener: typeof tell) => ((tell = listener), () => {}),
    };
    const check = leaseCheck(leadership, 15_000, clock);
    clock.advance(1_000_000);
    expect(check.failure()).toBeUndefined();

    renewedMs = clock.monotonicMs();
    tell(true);
    clock.advance(15_000 + leaseLostGraceMs);
    expect(check.failure()).toBeUndefined();
    clock.advance(1);
    expect(check.failure()).toContain("not renewed");

    renewedMs = undefined;
    tell(false);
    clock.advance(leaseLostGraceMs);
    expect(check.failure()).toBeUndefined();
    clock.advance(1);
    expect(check.failure()).toContain("lost");
  });

  it("bears one long pause of the event loop, and not one after the other", () => {
    const clock = manualClock();
    const samples = { mean: Number.NaN, resets: 0, reset: () => void (samples.resets += 1), disable() {} };
    const watch = new EventLoopWatch(clock, samples);
    clock.advance(windowMs);
    expect(watch.failure()).toBeUndefined();

    samples.mean = meanDelayMaxMs * 1e6;
    clock.advance(windowMs);
    expect(watch.failure()).toBeUndefined();
    samples.mean = (meanDelayMaxMs + 1) * 1e6;
    clock.advance(windowMs);

    expect(watch.failure()).toContain("1001 ms late");
    expect(samples.resets).toBe(3);
    watch.stop();
    expect(clock.pendingCount()).toBe(0);
  });
});

it("readiness is that everything is known", () => {
  let isSynced = false;
  const check = syncedCheck(() => isSynced);

  expect(check.failure()).toBeDefined();
  isSynced = true;

  expect(check.failure()).toBeUndefined();
});
