import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "#lib/errors.ts";
import { formatDuration, parseDuration } from "./duration.ts";

describe("a duration", () => {
  it.each([
    ["45m", 2_700],
    ["1h30m", 5_400],
    ["90s", 90],
    ["2d", 172_800],
    ["1d2h3m4s", 93_784],
  ])("%s is read as %i seconds", (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each(["", "60", "1.5h", "h", "-1h", "1h ", "1 h", "1w", "0s", "0h0m", "12345678s", "1hm"])(
    "%j is refused: nobody can know what was meant",
    (text) => {
      expect(() => parseDuration(text)).toThrow(UserError);
    },
  );

  it.each([
    [0, "0s"],
    [-5, "0s"],
    [Number.NaN, "0s"],
    [59.4, "59s"],
    [3_600, "1h"],
    [5_400, "1h30m"],
    [93_784, "1d2h"],
  ])("%d seconds show as %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  it("that is shown loses less than its smallest shown unit, and can be read back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 604_800 }), (seconds) => {
        const lost = seconds - parseDuration(formatDuration(seconds));

        expect(lost).toBeGreaterThanOrEqual(0);
        expect(lost).toBeLessThan(seconds >= 86_400 ? 3_600 : 60);
      }),
    );
  });
});
