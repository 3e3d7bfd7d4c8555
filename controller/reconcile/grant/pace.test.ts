import { expect, it } from "vitest";
import { OperationPace, pollMaxMs, pollMinMs } from "./pace.ts";

/** Polls an operation that takes `tookMs` as the reconciler does; how often, and how late its end was seen. */
function poll(pace: OperationPace, tookMs: number): { readonly polls: number; readonly lateMs: number } {
  let ageMs = pace.waitMs("CreateAssignment", 0);
  let polls = 1;
  while (ageMs < tookMs) {
    ageMs += pace.againMs("CreateAssignment", ageMs);
    polls += 1;
  }
  pace.ended("CreateAssignment", ageMs);
  return { polls, lateMs: ageMs - tookMs };
}

it.each([300, 1_500, 4_000])(
  "learns how long operations take: those of %i ms are polled once or twice, and seen soon",
  (tookMs) => {
    const pace = new OperationPace();
    for (let count = 0; count < 20; count += 1) {
      poll(pace, tookMs);
    }

    const seen = Array.from({ length: 50 }, () => poll(pace, tookMs));
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

    expect(mean(seen.map(({ polls }) => polls))).toBeLessThanOrEqual(2);
    expect(mean(seen.map(({ lateMs }) => lateMs))).toBeLessThanOrEqual(Math.max(pollMinMs, tookMs / 5));
  },
);

it("asks at most every so often for one that takes very long", () => {
  const pace = new OperationPace();

  expect(pace.againMs("Provision", 600_000)).toBe(pollMaxMs);
  expect(pace.againMs("Provision", 1)).toBeGreaterThanOrEqual(pollMinMs / 2);
});
