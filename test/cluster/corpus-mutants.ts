import fc from "fast-check";
import { type CorpusCase, readCorpus } from "#kinds/corpus.ts";
import type { AnyObject } from "#kinds/generated/schemas.ts";
import { parseManifests } from "#kinds/parse.ts";
import { validateObject } from "#kinds/validate.ts";

/** The valid objects of the corpus, as they are when they are created. */
export const originals: readonly AnyObject[] = readCorpus("valid").map(firstObject);

function firstObject({ text, file }: CorpusCase): AnyObject {
  const { object } = validateObject(parseManifests(text, file).documents[0]?.object);
  if (object === undefined) {
    throw new Error(`${file} is not valid`);
  }
  return object;
}

/** Values at the edges of what schemas speak of, and of every type. */
const strange = fc.constantFrom<unknown>(
  null,
  true,
  0,
  -1,
  1,
  1.5,
  2 ** 31,
  "",
  "a",
  "A b",
  "a/b",
  "é",
  "\u{1F600}",
  "a\n",
  "\u0000",
  "1",
  "2026-12-31",
  "2027-12-31T18:00:00Z",
  "2027-12-31T18:00:00.5+02:00",
  "arn:aws:iam::111122223333:role/x",
  "a".repeat(63),
  "a".repeat(64),
  "\u{1F600}".repeat(64),
  "a".repeat(300),
  "a".repeat(5_000),
  [],
  [null],
  ["a"],
  ["a", "a"],
  [{}],
  {},
  { a: "b" },
  { a: null },
  { name: "a" },
);

/** One change to an object: at which of its values, and what becomes of it. */
export interface Mutation {
  readonly at: number;
  readonly how: "remove" | "replace" | "add" | "repeat" | "renamed" | "step" | "take";
  readonly value: unknown;
  /** Whose value at the same place to take, of those of its kind. */
  readonly from: number;
}

/** Changes to make in turn. */
export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(
  fc.record({
    at: fc.nat({ max: 10_000 }),
    how: fc.constantFrom("remove", "replace", "replace", "add", "repeat", "renamed", "step", "take", "take"),
    value: strange,
    from: fc.nat({ max: 100 }),
  }),
  { minLength: 1, maxLength: 3 },
);

/** A changed copy. Its kind stays, and what tells the server which object is meant. */
export function mutate(original: AnyObject, changes: readonly Mutation[]): Record<string, unknown> {
  const metadata = { labels: { team: "shop" }, annotations: { "example.com/note": "" }, ...original.metadata };
  const copy: Record<string, unknown> = structuredClone({ ...original, metadata });
  const donors = originals.filter(({ kind }) => kind === original.kind);
  for (const { at, how, value, from } of changes) {
    const places = placesIn(copy, []);
    const place = places[at % places.length];
    if (place !== undefined) {
      const taken = valueAt(donors[from % donors.length], place.path);
      change(place, how, structuredClone(how === "take" ? taken : value));
    }
  }
  return copy;
}

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, step) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, step) : undefined),
    value,
  );
}

interface Place {
  readonly parent: Record<string | number, unknown>;
  readonly key: string | number;
  readonly path: readonly (string | number)[];
}

/** Every value inside, but for those that say which object it is. */
function placesIn(value: unknown, path: readonly (string | number)[]): readonly Place[] {
  if (typeof value !== "object" || value === null) {
    return [];
  }
  const parent = value as Record<string | number, unknown>;
  const keys = Array.isArray(value) ? value.map((_, index) => index) : Object.keys(value);
  return keys.flatMap((key) => {
    const inner = [...path, key];
    const own = fixed.has(inner.join(".")) ? [] : [{ parent, key, path: inner }];
    return [...own, ...placesIn(parent[key], inner)];
  });
}

const identity = ["name", "namespace", "resourceVersion"].map((field) => `metadata.${field}`);
const fixed = new Set(["apiVersion", "kind", "metadata", ...identity]);

function change({ parent, key }: Place, how: Mutation["how"], value: unknown): void {
  switch (how) {
    case "remove":
      if (Array.isArray(parent)) {
        parent.splice(Number(key), 1);
      } else {
        delete parent[key];
      }
      return;
    case "repeat":
      if (Array.isArray(parent)) {
        parent.push(structuredClone(parent[Number(key)]));
      }
      return;
    case "renamed":
      parent[`${key}x`] = parent[key];
      return;
    case "add":
      parent["stranger"] = value;
      return;
    case "step":
      parent[key] = typeof parent[key] === "number" ? parent[key] + (value === null ? -1 : 1) : parent[key];
      return;
    case "take":
    case "replace":
      parent[key] = value;
  }
}
