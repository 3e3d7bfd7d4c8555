import { expect, it } from "vitest";
import { archiveUnreachable } from "./parts/part.ts";
import { closingLines, exitCodeOf, type TestSummary } from "./test-summary.ts";

const clean: TestSummary = { passed: 3, failed: 0, skipped: [], errors: 0 };
const skipping: TestSummary = { ...clean, skipped: [{ test: "a › b", reason: "no psql here" }] };

it("ends with the plain line that CI reads", () => {
  expect(closingLines(clean, true)).toEqual(["3 passed, 0 failed, 0 skipped"]);
});

it("fails when no test ran, when a file did not load, and when a test failed", () => {
  expect(exitCodeOf({ ...clean, passed: 0 }, false)).toBe(1);
  expect(exitCodeOf({ ...clean, errors: 1 }, false)).toBe(1);
  expect(exitCodeOf({ ...clean, failed: 1 }, false)).toBe(1);
  expect(exitCodeOf(clean, true)).toBe(0);
});

it("names what was skipped and why, and lets it fail only in CI", () => {
  expect(closingLines(skipping, false)).toEqual([
    "Skipped on this machine:",
    "  1 × no psql here",
    "      a › b",
    "3 passed, 0 failed, 1 skipped",
  ]);
  expect(exitCodeOf(skipping, false)).toBe(0);
  expect(exitCodeOf(skipping, true)).toBe(1);
});

it("lets an archive that does not answer fail no run, and says so", () => {
  const excused: TestSummary = {
    ...clean,
    skipped: [{ test: "c › d", reason: `${archiveUnreachable}apt-get update: no route` }],
  };

  expect(exitCodeOf(excused, true)).toBe(0);
  expect(closingLines(excused, true)).toEqual([
    "Skipped on this machine:",
    "  1 × the archive could not be reached: apt-get update: no route",
    "      c › d",
    "3 passed, 0 failed, 1 skipped",
  ]);
  expect(exitCodeOf({ ...excused, skipped: [...excused.skipped, ...skipping.skipped] }, true)).toBe(1);
});
