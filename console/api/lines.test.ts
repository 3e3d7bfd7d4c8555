import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { backOffMs } from "./back-off.ts";
import { lineCharactersMax, LineSplitter } from "./lines.ts";
import { withQuery } from "./query.ts";

describe("lines of a stream", () => {
  it("are the same however the text is cut", () => {
    const values = fc.array(fc.oneof(fc.object(), fc.string(), fc.integer()), { maxLength: 20 });

    fc.assert(
      fc.property(values, fc.array(fc.nat(), { maxLength: 20 }), (given, cuts) => {
        const text = given.map((value) => `${JSON.stringify(value)}\n`).join("");
        const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).toSorted((a, b) => a - b), text.length];
        const splitter = new LineSplitter();

        const got = places.slice(1).flatMap((end, index) => splitter.push(text.slice(places[index], end)));

        expect(got).toEqual(given.map((value) => JSON.parse(JSON.stringify(value)) as unknown));
      }),
      { seed: fuzzSeed },
    );
  });

  it("a line without an end is refused before it fills the memory", () => {
    const splitter = new LineSplitter();
    splitter.push(`"${"x".repeat(lineCharactersMax - 1)}`);

    expect(() => splitter.push("x")).toThrow(`more than ${lineCharactersMax}`);
  });
});

describe("the pause before another try", () => {
  it("doubles, differs between browsers, and has an end", () => {
    expect([1, 2, 3].map((attempt) => backOffMs(attempt, 0.999_999))).toEqual([500, 1_000, 2_000]);
    expect(backOffMs(1_000, 0.999_999)).toBe(30_000);
    expect(backOffMs(1_000, 0)).toBe(6_000);
  });
});

describe("an address with a query", () => {
  it("escapes values and leaves out what is not there", () => {
    expect(withQuery("/v1/a", { text: "a&b=c #d", none: undefined, empty: "", zero: 0, no: false })).toBe(
      "/v1/a?text=a%26b%3Dc+%23d&zero=0&no=false",
    );
    expect(withQuery("/v1/a")).toBe("/v1/a");
  });
});
