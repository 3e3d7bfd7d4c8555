import fc from "fast-check";
import { expect, it } from "vitest";
import { mysqlWordEnd, numberEnd, postgresWordEnd, spaceEnd } from "./characters.ts";

const endBy = (pattern: RegExp, text: string, from: number): number => {
  pattern.lastIndex = from;
  const match = pattern.exec(text);
  return match === null ? from : from + match[0].length;
};

it.each([
  ["white space", spaceEnd, /[ \t\n\r\f\v]*/y],
  ["a Postgres word", postgresWordEnd, /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ["a MySQL word", mysqlWordEnd, /@{0,2}[\w$\u0080-\uffff]+/y],
  ["a number", numberEnd, /\d[\w.]*/y],
])("%s ends where the regular expression says", (_, endOf, pattern) => {
  const character = fc.oneof(
    fc.constantFrom(..." \t\n\r\f\v\u00a0\u0085aZ_09$@.é\u0080\uffff\ud83d-'\0".split("")),
    fc.string({ minLength: 1, maxLength: 1 }),
  );
  fc.assert(
    fc.property(fc.array(character, { maxLength: 12 }), fc.nat(12), (characters, from) => {
      const text = characters.join("");

      expect(endOf(text, Math.min(from, text.length))).toBe(endBy(pattern, text, Math.min(from, text.length)));
    }),
    { numRuns: 2_000 },
  );
});
