import fc from "fast-check";
import { expect, it } from "vitest";
import { isPlain } from "./trigger.ts";
import { trigger, triggerWords } from "./words.ts";

const isASCII = (bytes: Uint8Array): boolean => bytes.every((byte) => byte < 0x80);

/** Pieces of trigger words, which overlap in each other's ends and beginnings. */
const piece = fc.oneof(
  fc
    .constantFrom(...triggerWords)
    .chain((word) =>
      fc.tuple(fc.nat(word.length), fc.nat(word.length)).map(([a, b]) => word.slice(Math.min(a, b), Math.max(a, b))),
    ),
  fc.constantFrom(...triggerWords).map((word) => word.toUpperCase()),
  fc.constantFrom("s", "P", "pass", "\u017f", "é", "\0", "_", ":", "/"),
  fc.string({ maxLength: 3 }),
);

it("bytes are plain exactly when they are ASCII and the regular expression finds no trigger word", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const bytes = Buffer.from(pieces.join(""));

      expect(isPlain(bytes)).toBe(isASCII(bytes) && !trigger.test(bytes.toString("latin1")));
    }),
    { numRuns: 5_000 },
  );
});

it("every byte counts, invalid ones too", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(isPlain(bytes)).toBe(isASCII(bytes) && !trigger.test(Buffer.from(bytes).toString("latin1")));
    }),
  );
});

it("long texts are not looked at byte by byte", () => {
  expect(isPlain(Buffer.alloc(1_024, 0x20))).toBe(true);
  expect(isPlain(Buffer.alloc(1_025, 0x20))).toBe(false);
});
