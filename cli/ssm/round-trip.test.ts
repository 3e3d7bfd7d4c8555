import { describe, expect, it } from "vitest";
import { defaultLimits } from "./limits.ts";
import { createRoundTrip } from "./round-trip.ts";

describe("round trip", () => {
  it("starts with the reference's 200 ms", () => {
    expect(createRoundTrip(defaultLimits).timeoutMs()).toBe(200);
  });

  it("follows the reference's formula", () => {
    const roundTrip = createRoundTrip(defaultLimits);

    roundTrip.measured(20);

    // variation = 1/4 × |100 − 20| = 20; average = 7/8 × 100 + 1/8 × 20 = 90; timeout = 90 + 4 × 20.
    expect(roundTrip.smoothedMs()).toBe(90);
    expect(roundTrip.timeoutMs()).toBe(170);
  });

  it("keeps a margin when every round trip takes the same time", () => {
    const roundTrip = createRoundTrip(defaultLimits);

    for (let count = 0; count < 500; count += 1) {
      roundTrip.measured(30);
    }

    expect(roundTrip.timeoutMs()).toBeCloseTo(40, 3);
  });

  it("caps the timeout, but not what counts as slower than the far end explains", () => {
    const roundTrip = createRoundTrip(defaultLimits);

    for (let count = 0; count < 500; count += 1) {
      roundTrip.measured(4000);
    }

    expect(roundTrip.timeoutMs()).toBe(1000);
    expect(roundTrip.lateMs()).toBeGreaterThan(4000);
  });
});
