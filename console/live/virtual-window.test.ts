import fc from "fast-check";
import { expect, it } from "vitest";
import { rowAfterKey, virtualWindow } from "./virtual-window.ts";

it("draws every row that can be seen and few others, wherever the list is scrolled to", () => {
  fc.assert(
    fc.property(
      fc.nat(200_000),
      fc.integer({ min: 0, max: 6_000_000 }),
      fc.integer({ min: 0, max: 3_000 }),
      (count, top, height) => {
        const rowHeight = 30;
        const { start, end } = virtualWindow(count, rowHeight, top, height);

        const firstSeen = Math.floor(top / rowHeight);
        const lastSeen = Math.min(count - 1, Math.floor((top + height) / rowHeight));
        for (const row of [firstSeen, lastSeen].filter((each) => each >= firstSeen && each < count && each >= 0)) {
          expect(row).toBeGreaterThanOrEqual(start);
          expect(row).toBeLessThan(end);
        }
        expect(end - start).toBeLessThan(height / rowHeight + 60);
        expect(end).toBeLessThanOrEqual(count);
      },
    ),
  );
});

it("moves by row, page and to the ends, and no further", () => {
  const moves = ["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"].map((key) => rowAfterKey(key, 5, 10, 3));

  expect(moves).toEqual([6, 4, 7, 3, 0, 9]);
  expect(rowAfterKey("ArrowDown", 9, 10, 3)).toBe(9);
  expect(rowAfterKey("ArrowUp", undefined, 10, 3)).toBe(9);
  expect(rowAfterKey("a", 5, 10, 3)).toBeUndefined();
  expect(rowAfterKey("toString", 5, 10, 3)).toBeUndefined();
  expect(rowAfterKey("Home", undefined, 0, 3)).toBeUndefined();
});
