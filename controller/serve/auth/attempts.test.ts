import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { addressesAtOnce, addressesMax, Attempts, attemptsBurst, attemptsPerSecond } from "./attempts.ts";
import { networkOf } from "./network.ts";

function stand() {
  const clock = manualClock();
  const attempts = new Attempts(clock);
  /** How many of so many attempts are let in. */
  const letIn = (address: string, count: number): number => {
    let taken = 0;
    for (let index = 0; index < count; index += 1) {
      try {
        attempts.count(address);
        taken += 1;
      } catch {
        // Refused.
      }
    }
    return taken;
  };
  return { clock, attempts, letIn };
}

describe("attempts to sign in", () => {
  it("of one address that tries without end keep nobody else out", () => {
    const { letIn, clock } = stand();

    const hostile = letIn("192.0.2.1", 10_000);

    expect(hostile).toBe(attemptsBurst);
    expect(letIn("192.0.2.2", attemptsBurst)).toBe(attemptsBurst);
    clock.advance(1_000);
    expect(letIn("192.0.2.1", 10_000)).toBe(attemptsPerSecond);
  });

  it("of many addresses together are bounded, and each of them is told the same", () => {
    const { letIn, attempts } = stand();

    const taken = Array.from({ length: addressesAtOnce + 2 }, (_, index) => letIn(`192.0.2.${index}`, attemptsBurst));

    expect(taken.reduce((sum, one) => sum + one, 0)).toBe(addressesAtOnce * attemptsBurst);
    expect(() => attempts.count("198.51.100.1")).toThrow(expect.objectContaining({ status: 429 }));
  });

  it("are counted for so many addresses, of which the one that tried longest ago begins anew", () => {
    const { letIn, attempts } = stand();
    letIn("first", 1);
    for (let index = 0; index < addressesMax - 1; index += 1) {
      letIn(`a${index}`, 1);
    }
    const before = attempts.size;

    letIn("one more", 1);

    expect([before, attempts.size]).toEqual([addressesMax, addressesMax]);
  });

  it("are forgotten as soon as they count no more", () => {
    const { letIn, attempts, clock } = stand();
    letIn("192.0.2.1", attemptsBurst);
    clock.advance((attemptsBurst / attemptsPerSecond) * 1_000);

    letIn("192.0.2.2", 1);

    expect(attempts.size).toBe(1);
  });
});

describe("networkOf", () => {
  it.each([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"],
    ["2001:0DB8::1", "2001:db8:0:0::/64"],
    ["2001:db8:0:1::", "2001:db8:0:1::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["64:ff9b::192.0.2.7", "64:ff9b:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["", ""],
  ])("of %s is %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
