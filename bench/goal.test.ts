import { expect, it } from "vitest";
import { goalRow } from "./goal.ts";

it("a goal that every case reaches is met, and the worst case is named", () => {
  const measured = [
    ["simple", 0.97],
    ["prepared", 1.02],
  ] as const;

  expect(goalRow({ what: "Written", wanted: 0.95, is: "at least", measured })).toEqual([
    "Written",
    "at least 0.95",
    "worst 0.97 (simple)",
    "met",
  ]);
});

it("says in how many cases a goal is missed, and by how much at worst", () => {
  const measured = [
    ["a", 1.1],
    ["b", 1.5],
    ["c", 1.2],
  ] as const;

  expect(goalRow({ what: "CPU", wanted: 1.2, is: "at most", measured }).slice(2)).toEqual([
    "worst 1.50 (b)",
    "missed in 1 of 3, by 25 %",
  ]);
});

it("a goal of none is missed by what there was, and nothing measured is said as such", () => {
  const storm = { what: "failures", wanted: 0, is: "at most", measured: [["storm", 3]] } as const;

  expect(goalRow(storm)[3]).toBe("missed by 3.00");
  expect(goalRow({ ...storm, measured: [] }).slice(2)).toEqual(["not measured", "–"]);
});
