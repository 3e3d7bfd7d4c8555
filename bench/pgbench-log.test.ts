import { expect, it } from "vitest";
import { readStretches } from "./pgbench-log.ts";

/** A line of pgbench 15's log, at so many milliseconds behind epoch second 1,000. */
function line(ms: number, latency: number): string {
  return `0 1 ${latency} 0 ${1_000 + Math.floor(ms / 1_000)} ${Math.round((ms % 1_000) * 1_000)}\n`;
}

it("counts what ended within each stretch, and nothing between them", () => {
  const log = [10, 20, 30, 500, 1_010, 1_040].map((ms) => line(ms, 5)).join("");

  const stretches = readStretches(Buffer.from(log), [
    [1_000_000, 1_000_100],
    [1_001_000, 1_001_100],
  ]);

  expect(stretches.map(({ transactions }) => transactions)).toEqual([3, 2]);
});

it("leaves the first 20 ms out of the rate and of the latencies, but not out of the count", () => {
  // One a millisecond, from 100 ms to 199 ms.
  const log = Array.from({ length: 100 }, (_, index) => line(100 + index, index)).join("");

  const [stretch] = readStretches(Buffer.from(log), [[1_000_100, 1_000_300]]);

  expect(stretch?.transactions).toBe(100);
  expect(stretch?.latencies[0]).toBe(20);
  expect(stretch?.perSecond).toBeCloseTo(80 / 0.079, 0);
});

it("a stretch of few transactions has the rate of its whole length; one without any has 0, torn lines not counted", () => {
  const log = Buffer.from(`${line(10, 5)}${line(60, 5)}0 1 17 0 1000`);

  const stretches = readStretches(log, [
    [1_000_000, 1_000_200],
    [1_001_000, 1_001_200],
  ]);

  expect(stretches).toEqual([
    { transactions: 2, perSecond: 10, latencies: [5, 5] },
    { transactions: 0, perSecond: 0, latencies: [] },
  ]);
});
