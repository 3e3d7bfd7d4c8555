import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  inlineCharactersMax,
  inlineTogetherMax,
  isLarge,
  type KnownTexts,
  knownTextsMax,
  pieceCharacters,
  previewCharacters,
  splitStart,
} from "./large-text.ts";
import type { Parameter, StatementText } from "./record.ts";
import { startBody } from "./testing/bodies.ts";
import { bytesOfText, type Text } from "./text.ts";

let last = 0;
const nextText = (): number => (last += 1);
const whole = (pieces: readonly StatementText[]): Buffer => Buffer.concat(pieces.map(({ data }) => bytesOfText(data)));
const parameter = (value: Text): Parameter => ({ type: 25, format: "text", value });

describe("splitStart", () => {
  it("leaves a statement as it is up to the limit, and takes out one character more", () => {
    const fits = startBody("a", 1, { sql: "x".repeat(inlineCharactersMax) });
    const large = startBody("a", 1, { sql: "x".repeat(inlineCharactersMax + 1) });

    expect([isLarge(fits), isLarge(large)]).toEqual([false, true]);
    expect(splitStart(fits, nextText, new Map())).toEqual({ pieces: [], start: fits });
    const { pieces, start } = splitStart(large, nextText, new Map());
    expect(start.sql).toBe("x".repeat(previewCharacters.sql));
    expect(start.sqlText).toEqual({ text: last, bytes: inlineCharactersMax + 1 });
    expect(pieces.map(({ index, whole: end }) => [index, end?.bytes])).toEqual([
      [0, undefined],
      [1, undefined],
      [2, inlineCharactersMax + 1],
    ]);
  });

  it("gives back every byte of any text from its pieces, none of them cut inside a character", () => {
    const text: fc.Arbitrary<Text> = fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 50 }).map((unit) => {
        const wellFormed = unit.toWellFormed();
        return wellFormed.repeat(Math.ceil((inlineCharactersMax + 1) / wellFormed.length));
      }),
      fc.uint8Array({ minLength: 1, maxLength: 50 }).map((bytes) => ({
        base64: Buffer.alloc(inlineCharactersMax, bytes).toString("base64"),
      })),
    );
    fc.assert(
      fc.property(text, (sql) => {
        const { pieces, start } = splitStart(startBody("a", 1, { sql }), nextText, new Map());

        expect(whole(pieces).equals(bytesOfText(sql))).toBe(true);
        expect(start.sqlText?.bytes).toBe(bytesOfText(sql).length);
        const pieceTexts = pieces.map(({ data }) => (typeof data === "string" ? data : data.base64));
        expect(pieceTexts.every((piece) => piece.length <= pieceCharacters && piece.isWellFormed())).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it("takes out parameters that are too large alone, and those that do not fit together", () => {
    const values = ["y".repeat(inlineCharactersMax + 1), ...Array.from({ length: 9 }, () => "z".repeat(200_000))];
    const start = startBody("a", 1, { parameters: values.map(parameter) });

    const split = splitStart(start, nextText, new Map());

    const inline = split.start.parameters?.filter(({ text }) => text === undefined) ?? [];
    expect(inline.length).toBe(Math.floor(inlineTogetherMax / 200_000));
    expect(split.start.parameters?.[0]).toMatchObject({
      value: "y".repeat(previewCharacters.parameter),
      text: { bytes: inlineCharactersMax + 1 },
    });
    expect(isLarge(start)).toBe(true);
  });

  it("refers to a text that the session has on record already, for as many texts as it remembers", () => {
    const known: KnownTexts = new Map();
    const nth = (n: number) => startBody("a", n, { sql: String(n).padEnd(inlineCharactersMax + 1, "x") });
    const first = splitStart(nth(0), nextText, known).start.sqlText;
    for (let n = 1; n <= knownTextsMax; n += 1) {
      splitStart(nth(n), nextText, known);
    }

    expect(splitStart(nth(0), nextText, known)).toMatchObject({ pieces: [], start: { sqlText: first } });
    expect(splitStart(nth(knownTextsMax), nextText, known).pieces.length).toBeGreaterThan(0);
  });
});
