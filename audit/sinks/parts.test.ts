import fc from "fast-check";
import { expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { partsOf } from "./parts.ts";

const record = (text: string) => ({
  id: "a".repeat(64),
  line: JSON.stringify({ text }),
  kind: "statement.start",
  timeMs: 0,
  storeSeq: 7,
  proxy: "default/main",
});

it("gives what fits as it is", () => {
  const whole = record("x");

  expect(partsOf(whole, Buffer.byteLength(whole.line))).toEqual([whole.line]);
});

it("divides everything else into parts that fit, whose data joined is the line, whatever characters it has", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 3_000 }),
      fc.integer({ min: 200, max: 2_000 }),
      (text, maxBytes) => {
        const whole = record(text);

        const parts = partsOf(whole, maxBytes);

        expect(Math.max(...parts.map((part) => Buffer.byteLength(part)))).toBeLessThanOrEqual(maxBytes);
        const values = parts.map((part) => JSON.parse(part) as { data?: string; part?: number; parts?: number });
        const joined = values.length === 1 ? parts[0] : values.map(({ data }) => data).join("");
        expect(joined).toBe(whole.line);
        if (values.length > 1) {
          expect(values.map(({ part }) => part)).toEqual([...parts.keys()]);
          expect(new Set(values.map(({ parts: count }) => count))).toEqual(new Set([parts.length]));
        }
      },
    ),
    { seed: fuzzSeed, numRuns: 300 },
  );
});

it("says so where nothing fits", () => {
  expect(() => partsOf(record("x".repeat(500)), 100)).toThrow(RangeError);
});
