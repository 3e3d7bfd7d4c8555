import { describe, expect, it } from "vitest";
import { type KeyPress, nextRow, shortcutOf } from "./shortcut-keys.ts";

const press: KeyPress = { key: "j", ctrlKey: false, metaKey: false, altKey: false, isComposing: false };
const page = { closest: () => null };
const field = { closest: () => ({}) as Element };

describe("a key", () => {
  it("is a shortcut on the page, and a letter in a field", () => {
    expect(shortcutOf(press, page)).toBe("j");
    expect(shortcutOf(press, undefined)).toBe("j");
    expect(shortcutOf(press, field)).toBeUndefined();
  });

  it.each([{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { isComposing: true }, { key: "Enter" }])(
    "is the browser's own with %o",
    (more) => {
      expect(shortcutOf({ ...press, ...more }, page)).toBeUndefined();
    },
  );
});

describe("going through a list", () => {
  it.each([
    [-1, 1, 3, 0],
    [-1, -1, 3, 0],
    [0, 1, 3, 1],
    [2, 1, 3, 2],
    [0, -1, 3, 0],
    [-1, 1, 0, undefined],
  ] as const)("from row %i by %i of %i", (at, step, count, expected) => {
    expect(nextRow(at, step, count)).toBe(expected);
  });
});
