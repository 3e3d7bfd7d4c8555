import { expect, it } from "vitest";
import { groupedQuantile, median, quantile, ratioOf } from "./statistics.ts";

it("the median is the middle value, or the mean of the two middle ones", () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([])]).toEqual([2, 2.5, Number.NaN]);
});

it("a quantile lies between the values around it", () => {
  expect([quantile([0, 10], 0.25), quantile([5], 0.9), quantile([1, 2, 3, 4, 5], 0.75)]).toEqual([2.5, 5, 4]);
});

it("a ratio is the median of the rounds' ratios, not the ratio of the medians", () => {
  // The machine is ten times slower in the second round: the systems stay as 1 to 2.
  expect(ratioOf([100, 10, 300], [200, 20, 150])).toEqual({ median: 0.5, low: 0.5, high: 1.25 });
});

it("rounds that only one side has do not count", () => {
  expect(ratioOf([1, 2, 3], [2]).median).toBe(0.5);
});

it("whole microseconds are spread over the microsecond, so that a median can tell less than one apart", () => {
  expect(groupedQuantile([10, 10, 10, 11], 0.5)).toBeCloseTo(10 + 2 / 3);
  expect(groupedQuantile([10, 11, 11, 11], 0.5)).toBeCloseTo(11 + 1 / 3);
  expect(groupedQuantile([], 0.5)).toBeNaN();
});
