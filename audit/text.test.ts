import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJSON } from "./canonical.ts";
import { bytesOfText, printable, textOf } from "./text.ts";

describe("textOf", () => {
  it("loses no byte, whatever they are", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(bytesOfText(textOf(bytes)).equals(bytes)).toBe(true);
      }),
    );
  });

  it("is a string for UTF-8, a byte order mark included, and base64 for anything else", () => {
    expect(textOf(Buffer.from("\ufeffgrüße"))).toBe("\ufeffgrüße");
    expect(textOf(Buffer.from([0x66, 0xff]))).toEqual({ base64: "Zv8=" });
  });
});

describe("printable", () => {
  it("leaves no control character, no line end and nothing invisible that moves text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        // oxlint-disable-next-line no-control-regex -- control characters are what must be gone
        expect(printable(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/);
        expect(printable(text).isWellFormed()).toBe(true);
      }),
    );
  });

  it("shows what it escaped, and keeps lines where asked", () => {
    expect(printable("a\u001b[31mb\r\n\tc\u202ed")).toBe("a\\e[31mb\\r\\n\\tc\\u202ed");
    expect(printable("a\r\n\tb", { lines: "keep" })).toBe("a\\r\n\tb");
    expect(printable("grüße 😀 \\n")).toBe("grüße 😀 \\n");
    expect(printable({ base64: "Zv8=" })).toBe("f\ufffd");
  });
});

describe("canonicalJSON", () => {
  it("is the same for the same value in any order, and JSON reads it back", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z\n.]{1,6}$/), fc.jsonValue({ maxDepth: 2 })), (value) => {
        // JSON itself turns -0 to 0.
        const plain = JSON.parse(JSON.stringify(value)) as Record<string, never>;
        if (JSON.stringify(plain).match(/"\d+":|__proto__/)) {
          return;
        }
        const reversed = Object.fromEntries(Object.entries(plain).toReversed());

        expect(canonicalJSON(reversed)).toBe(canonicalJSON(plain));
        expect(JSON.parse(canonicalJSON(plain))).toEqual(plain);
      }),
    );
  });

  it("sorts by code unit at every level, drops undefined, and refuses what has no canonical form", () => {
    expect(canonicalJSON({ b: [{ d: 1, c: -0 }], a: undefined, é: 1, Z: null })).toBe(
      '{"Z":null,"b":[{"c":0,"d":1}],"é":1}',
    );
    expect(() => canonicalJSON({ a: Number.NaN })).toThrow(TypeError);
    expect(() => canonicalJSON({ 1: "a" })).toThrow(TypeError);
  });

  it("keeps lists of keys apart that join to the same text", () => {
    expect(canonicalJSON({ a: 1, b: 2, c: 3 })).toBe('{"a":1,"b":2,"c":3}');
    expect(canonicalJSON({ "a\nb": 1, c: 3 })).toBe('{"a\\nb":1,"c":3}');
  });
});
