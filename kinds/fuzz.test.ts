import fc from "fast-check";
import { expect, test } from "vitest";
import { readCorpus } from "./corpus.ts";
import { canonicalJson } from "./digest.ts";
import { kinds } from "./generated/schemas.ts";
import { loadManifests } from "./load.ts";
import { parseManifests } from "./parse.ts";
import { formatProblem } from "./problem.ts";
import { validateObject } from "./validate.ts";

const texts = [...readCorpus("valid"), ...readCorpus("invalid")].map(({ text }) => text);

/** A legal file with a few bytes replaced, removed or inserted. */
const damaged = fc
  .tuple(
    fc.constantFrom(...texts),
    fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(3), fc.uint8Array({ maxLength: 4 })), {
      minLength: 1,
      maxLength: 6,
    }),
  )
  .map(([text, edits]) => {
    let bytes = Buffer.from(text);
    for (const [at, remove, insert] of edits) {
      const offset = Math.floor(at * bytes.length);
      bytes = Buffer.concat([bytes.subarray(0, offset), insert, bytes.subarray(offset + remove)]);
    }
    return bytes;
  });

/** Texts made of the pieces that YAML gives a meaning. */
const yamlish = fc
  .array(
    fc.constantFrom(
      ..."a:,- ,\n,  ,? ,[,],{,},&x ,*x,!t ,\",',|,>,#,---\n,...\n,%YAML 1.1\n,<<: *x,\t,yes,010,kind: Grant\n,\u0000,é".split(
        ",",
      ),
    ),
  )
  .map((pieces) => pieces.join(""));

function checkLoad(source: string | Uint8Array): void {
  const { objects, problems } = loadManifests(source, "fuzz.yaml");
  for (const problem of problems) {
    expect(problem.line).toBeGreaterThanOrEqual(1);
    expect(problem.column).toBeGreaterThanOrEqual(1);
    expect(problem.message).not.toBe("");
    expect(formatProblem(problem)).not.toMatch(/[\p{Cc}]/u);
  }
  for (const { object } of objects) {
    expect(validateObject(object).object).toEqual(object);
  }
}

test("any bytes are parsed or refused, never thrown at the caller", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), checkLoad), { numRuns: 300 });
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), checkLoad), { numRuns: 300 });
});

test("text that is nearly YAML is parsed or refused", () => {
  fc.assert(fc.property(yamlish, checkLoad), { numRuns: 1000 });
});

test("damaged manifests are refused with a place, or are legal still", () => {
  fc.assert(fc.property(damaged, checkLoad), { numRuns: 500 });
});

test("any value is accepted or refused, and what is accepted is accepted again unchanged", () => {
  const value = fc.anything({
    maxDepth: 4,
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withTypedArray: true,
  });
  const object = fc.record({
    apiVersion: fc.constant("sallyport.dev/v1alpha1"),
    kind: fc.constantFrom(...kinds),
    metadata: fc.oneof(fc.record({ name: fc.constant("a") }), value),
    spec: value,
    status: value,
  });

  fc.assert(
    fc.property(fc.oneof(value, object), value, (given, old) => {
      const { object: accepted, problems } = validateObject(given, { old: old as never });
      expect(accepted === undefined).toBe(problems !== undefined);
    }),
    { numRuns: 500 },
  );
});

test("legal values put in any field of a legal object are accepted or refused", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.string(),
      fc.jsonValue({ maxDepth: 3 }),
      fc.nat(),
      (text, name, value, choice) => {
        const object = parseManifests(text, "f.yaml").documents.at(-1)?.object as
          | { spec?: Record<string, unknown> }
          | undefined;
        const fields = Object.keys(object?.spec ?? {});
        const field = choice % 3 === 0 ? name : (fields[choice % Math.max(fields.length, 1)] ?? name);

        const { problems } = validateObject({ ...object, spec: { ...object?.spec, [field]: value } });

        expect((problems ?? []).map(formatProblem).join()).not.toContain("could not be evaluated");
      },
    ),
    { numRuns: 500 },
  );
});

test("canonical JSON does not depend on the order of keys, and loses nothing", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse());

      expect(canonicalJson(reversed)).toBe(canonicalJson(value));
      expect(canonicalJson(JSON.parse(canonicalJson(value)))).toBe(canonicalJson(value));
    }),
  );
});
