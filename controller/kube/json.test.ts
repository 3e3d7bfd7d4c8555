import fc from "fast-check";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { asStored, kubeJSON } from "./json.ts";

it("is the same value as JSON and as YAML, whatever text is in it", () => {
  const value = fc.array(fc.string({ unit: "binary" }));
  fc.assert(
    fc.property(value, (texts) => {
      const text = kubeJSON(texts);

      expect(JSON.parse(text)).toEqual(texts);
      expect(parse(text)).toEqual(texts);
      expect(text).not.toMatch(/[\u007F-\u009F\u2028\u2029\uFEFF\uFFFE\uFFFF]/);
    }),
  );
});

it("replaces half a pair of surrogates, as servers do", () => {
  expect(asStored({ text: "a\uD83D" })).toEqual({ text: "a\uFFFD" });
  expect(asStored({ text: "\u{1F600}" })).toEqual({ text: "\u{1F600}" });
});
