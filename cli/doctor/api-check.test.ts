import { describe, expect, it } from "vitest";
import { skewFinding, skewProblemMs, skewWarningMs } from "./api-check.ts";

const sentMs = Date.UTC(2026, 0, 1);

describe("the clock", () => {
  it.each([
    [0, "ok"],
    [skewWarningMs - 1, "ok"],
    [-skewWarningMs, "warning"],
    [skewProblemMs - 1, "warning"],
    [skewProblemMs, "problem"],
    [-skewProblemMs, "problem"],
  ])("%i ms off is %s", (aheadMs, verdict) => {
    // The answer took 2 s; its header was written half-way, and cut to a second.
    const serverMs = sentMs + 1_000 - aheadMs - 500;

    expect(skewFinding({ serverMs, sentMs, tookMs: 2_000 })).toMatchObject({ verdict });
  });

  it("is not judged where the server does not tell its own", () => {
    expect(skewFinding({ serverMs: undefined, sentMs, tookMs: 10 })).toBeUndefined();
  });

  it("says which way it is off", () => {
    expect(skewFinding({ serverMs: sentMs + 60_000, sentMs, tookMs: 0 })?.message).toMatch(/60\.5 s behind/);
  });
});
