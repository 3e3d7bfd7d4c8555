import { expect, it } from "vitest";
import { conditionsOf, filterIn, matcherOf, noFilter, noSearch, queryOf } from "./filter.ts";
import { markRow, statementRow } from "./rows.ts";
import { aWhole, anEvent } from "./testing.ts";

const slow = statementRow(1, aWhole(2, 1, { sql: "SELECT 1 FROM orders", durationMs: 900, rows: 4 }));
const failed = statementRow(
  2,
  aWhole(4, 2, { sql: "select x", outcome: "error", message: "no orders", durationMs: 1 }),
);
const gap = markRow(3, anEvent(5, "gap"), "gap");
const open = markRow(4, anEvent(6, "session-open"), "session-open");

function matching(filter: Partial<typeof noFilter>): number[] {
  return [slow, failed, gap, open].filter(matcherOf({ ...noFilter, ...filter })).map(({ id }) => id);
}

it("shows what all conditions hold for, and missing records always", () => {
  expect(matching({})).toEqual([1, 2, 3, 4]);
  expect(matching({ text: "ORDERS" })).toEqual([1, 2, 3]);
  expect(matching({ outcome: "error" })).toEqual([2, 3]);
  expect(matching({ minDurationMs: "900" })).toEqual([1, 3]);
  expect(matching({ minRows: "4", text: "x" })).toEqual([3]);
});

it("is what its address says, and the address what it is", () => {
  const filter = { ...noSearch, text: "a b&c", minRows: "7", userName: "ada" };

  const back = filterIn(noSearch, new URLSearchParams(queryOf(filter) as Record<string, string>));

  expect(back).toEqual(filter);
  expect(conditionsOf(back)).toBe(3);
});

it("takes nothing from an address that is no number where one belongs", () => {
  expect(filterIn(noFilter, new URLSearchParams("minRows=-1&minDurationMs=1e9&other=x"))).toEqual(noFilter);
});
