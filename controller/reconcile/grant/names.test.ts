import { expect, it } from "vitest";
import { isNamedAs, mayBeNamedAs } from "./names.ts";

it("knows a person in any case, as the Identity Store does", () => {
  expect(isNamedAs("Ada.Lovelace", "ada.lovelace")).toBe(true);
  expect(isNamedAs("ada", "adam")).toBe(false);
});

it("takes no two names for one person's because they look alike", () => {
  // U+FF41: the full-width `a`; U+017F: the long `s`, which has the upper case of `s`.
  expect(isNamedAs("\uff41da", "ada")).toBe(false);
  expect(isNamedAs("lady.love\u017face", "lady.lovesace")).toBe(false);
});

it.each([
  ["full-width letters", "\uff41da", "ada"],
  ["the long s", "linu\u017f", "LINUS"],
  ["both forms of sigma", "\u03c3\u03bf\u03c6\u03bf\u03c2", "\u03c3\u03bf\u03c6\u03bf\u03c3"],
  ["a composed and a decomposed accent", "ren\u00e9", "rene\u0301"],
])("suspects one person behind %s", (_how, one, other) => {
  expect(mayBeNamedAs(one, other)).toBe(true);
});

it("suspects nobody of being another", () => {
  expect(mayBeNamedAs("ada", "adam")).toBe(false);
});
