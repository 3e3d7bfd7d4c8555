import fc from "fast-check";
import { expect, test } from "vitest";
import { element, escapeText } from "./xml.ts";

test("structures nest, lists repeat under their item's name, and what is undefined is left out", () => {
  const value = { A: 1, B: undefined, C: [{ D: true }, { D: false }], E: [] };

  const written = element("Root", value, (list) => (list === "C" ? "Item" : "member"));

  expect(written).toBe("<Root><A>1</A><C><Item><D>true</D></Item><Item><D>false</D></Item></C><E></E></Root>");
});

test("text never opens or closes an element, and holds no character that XML forbids", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const escaped = escapeText(text);

      expect(escaped).not.toMatch(/[<>"']/);
      expect(escaped).not.toMatch(/&(?!(?:amp|lt|gt|quot|apos|#xD);)/);
      // oxlint-disable-next-line no-control-regex -- these are the characters that must not be there
      expect(escaped).not.toMatch(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/);
    }),
  );
});
