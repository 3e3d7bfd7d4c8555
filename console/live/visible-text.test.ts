import fc from "fast-check";
import { expect, it } from "vitest";
import { oneLine, visibleParts } from "./visible-text.ts";

it("names every character that would not be seen, and leaves the others as they are", () => {
  const parts = visibleParts("a\u202eb\u0000\u200bc\ud800\n\té");

  expect(parts.map(({ text, isHidden }) => (isHidden ? `<${text}>` : text)).join("")).toBe(
    "a<U+202E>b<U+0000><U+200B>c<U+D800>\n\té",
  );
});

it("gives all of any text, in order, with nothing in it that changes the direction of writing", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const parts = visibleParts(text);

      const back = parts.map((part) =>
        part.isHidden ? String.fromCodePoint(Number.parseInt(part.text.slice(2), 16)) : part.text,
      );
      expect(back.join("")).toBe(text);
      expect(parts.filter(({ isHidden }) => !isHidden).some((part) => /\p{Bidi_Control}/u.test(part.text))).toBe(false);
    }),
  );
});

it("shows a long text on one line of the length that was asked for", () => {
  expect(oneLine("select\n\t1", 20)).toBe("select 1");
  expect(oneLine("x".repeat(30), 20)).toBe(`${"x".repeat(20)}…`);
});
