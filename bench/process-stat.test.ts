import { expect, it } from "vitest";
import { cpuSecondsOf, memoryOf, parseTicks } from "./process-stat.ts";

it("finds user and system time behind a program's name, whatever is in it", () => {
  expect(parseTicks("12 (a b) c) S 1 12 12 0 -1 4194304 100 0 0 0 250 40 0 0 20 0 1 0 99 0 0")).toBe(290);
});

it("reads this process's own time and memory", () => {
  expect(cpuSecondsOf(process.pid)).toBeGreaterThan(0);
  expect(memoryOf(process.pid).peakBytes).toBeGreaterThanOrEqual(memoryOf(process.pid).nowBytes / 2);
});
