import { describe, expect, it } from "vitest";
import { durationChoices, startTimeOf, typedTime } from "./request-choices.ts";

const hour = 3_600;

describe("lengths to choose from", () => {
  it.each([
    [8 * hour, hour, [900, 1_800, hour, 2 * hour, 4 * hour, 8 * hour]],
    [hour, hour, [900, 1_800, hour]],
    [60, 60, [60]],
    [5 * hour, 5_400, [900, 1_800, hour, 5_400, 2 * hour, 5 * hour]],
    [7 * 24 * hour, hour, [900, 1_800, hour, 2 * hour, 4 * hour, 7 * 24 * hour]],
    // A default above the most is a mistake of the policy; what can be chosen is allowed all the same.
    [hour, 2 * hour, [900, 1_800, hour]],
  ])("up to %d s with %d s as the default", (most, usual, expected) => {
    expect(durationChoices(most, usual)).toEqual(expected);
  });
});

describe("a start that was typed", () => {
  const now = Date.parse("2026-11-23T12:00:00Z");

  it("is sent in UTC, to the second", () => {
    expect(startTimeOf(typedTime(now + 90 * 60_000), now)).toBe("2026-11-23T13:30:00Z");
  });

  it.each(["", "tomorrow", "2026-02-31T25:00"])('"%s" is none', (typed) => {
    expect(startTimeOf(typed, now)).toBeUndefined();
  });

  it("is none when it is over", () => {
    expect(startTimeOf(typedTime(now), now)).toBeUndefined();
  });
});
