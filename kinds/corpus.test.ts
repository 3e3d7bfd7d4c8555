import { describe, expect, test } from "vitest";
import { readCorpus, type CorpusCase } from "./corpus.ts";
import { definitions, kinds, type AnyObject, type Kind } from "./generated/schemas.ts";
import { keyOf } from "./key.ts";
import { parseManifests } from "./parse.ts";
import { nowhere, type Position, type Problem } from "./problem.ts";
import { checkRules } from "./rules.ts";
import type { Rule, Schema } from "./schema.ts";
import { validateObject } from "./validate.ts";

const valid = readCorpus("valid");
const invalid = readCorpus("invalid");

describe("the corpus of crds/examples", () => {
  test.for(valid)("$file is accepted", (example) => {
    const { problems } = judge(example);

    expect(problems).toEqual([]);
  });

  test.for(invalid)("$file is refused for the stated reason alone", (example) => {
    const { problems } = judge(example);

    expect(problems.map((problem) => [problem.path, problem.message])).toHaveLength(1);
    expect([problems[0]?.path, problems[0]?.message]).toContain(example.refusedBy);
  });

  test.for(invalid)("$file is refused at a line of its last document", (example) => {
    const { problems } = judge(example);

    const lastDocument = example.isTransition ? example.text.lastIndexOf("---\n") : 0;
    const firstLine = example.text.slice(0, lastDocument).split("\n").length;
    expect(problems[0]?.line).toBeGreaterThanOrEqual(firstLine);
    expect(problems[0]?.file).toBe(example.file);
  });
});

describe("each CEL rule of crds/", () => {
  const rules = kinds.flatMap((kind) =>
    rulesOf(definitions[kind].schema).map((rule) => ({ kind, rule, text: rule.message })),
  );

  test("there are as many as the CRDs were written with", () => {
    expect(rules.length).toBeGreaterThanOrEqual(30);
  });

  test.for(rules)("is the one reason of an invalid example: $kind, $text", ({ kind, rule }) => {
    const examples = invalid.filter((example) => {
      const [problem] = judge(example).problems;
      return problem?.rule === rule.rule && problem.message === rule.message && objectKind(example) === kind;
    });

    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const { value, old } = parsed(example);
      const without = checkRules(withoutRule(definitions[kind].schema, rule), value, old, nowhere);
      expect(without).toEqual([]);
    }
  });
});

describe("the full example of each kind", () => {
  test.for(kinds)("%s: every field of the spec is there", (kind) => {
    const missing = valuesMissing(
      definitions[kind].schema.properties?.["spec"] ?? {},
      fullExamples(kind).map((object) => object.spec),
      "spec",
    );

    expect(missing).toEqual([]);
  });

  test.for(kinds)("%s: a wrong type, an unknown field or a lost required field is refused where it is", (kind) => {
    for (const object of fullExamples(kind)) {
      for (const mutant of mutants(definitions[kind].schema.properties?.["spec"] ?? {}, object.spec, ["spec"])) {
        const broken = structuredClone(object) as unknown as Record<string, unknown>;
        mutant.apply(broken);

        const { problems } = validateObject(broken);

        expect(problems?.map(({ path }) => path)).toContain(mutant.path);
      }
    }
  });
});

function parsed(example: CorpusCase): {
  readonly value: unknown;
  readonly position: Position;
  readonly old?: AnyObject;
} {
  const { documents, problems } = parseManifests(example.text, example.file);
  expect(problems).toEqual([]);
  expect(documents).toHaveLength(example.isTransition ? 2 : 1);
  const { object: value, position = nowhere } = documents.at(-1) ?? { object: undefined };
  if (!example.isTransition) {
    return { value, position };
  }
  const first = validateObject(documents[0]?.object);
  expect(first.problems).toBeUndefined();
  return first.object === undefined ? { value, position } : { value, position, old: first.object };
}

const verdicts = new Map<CorpusCase, readonly Problem[]>();

function judge(example: CorpusCase): { readonly problems: readonly Problem[] } {
  const known = verdicts.get(example);
  if (known !== undefined) {
    return { problems: known };
  }
  const { value, position, old } = parsed(example);
  const problems = validateObject(value, old === undefined ? { position } : { position, old }).problems ?? [];
  verdicts.set(example, problems);
  return { problems };
}

function objectKind(example: CorpusCase): Kind {
  return (parsed(example).value as AnyObject).kind;
}

function fullExamples(kind: Kind): readonly AnyObject[] {
  return valid.flatMap((example) => {
    const { object } = validateObject(parsed(example).value);
    return object?.kind === kind && !example.isTransition ? [object] : [];
  });
}

function rulesOf(schema: Schema): readonly Rule[] {
  const inner = [...Object.values(schema.properties ?? {}), ...(schema.items === undefined ? [] : [schema.items])];
  return [...(schema["x-kubernetes-validations"] ?? []), ...inner.flatMap(rulesOf)];
}

function withoutRule(schema: Schema, rule: Rule): Schema {
  const { properties, items } = schema;
  return {
    ...schema,
    "x-kubernetes-validations": (schema["x-kubernetes-validations"] ?? []).filter((other) => other !== rule),
    ...(items === undefined ? {} : { items: withoutRule(items, rule) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, child]) => [name, withoutRule(child, rule)]),
          ),
        }),
  };
}

/** Paths of the schema that none of `values` has. */
function valuesMissing(schema: Schema, values: readonly unknown[], path: string): readonly string[] {
  if (schema.type === "array") {
    return valuesMissing(schema.items ?? {}, values.flat(), `${path}[]`);
  }
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const found = values.flatMap((value) => {
      const field = (value as Record<string, unknown>)[name];
      return field === undefined ? [] : [field];
    });
    return found.length === 0 ? [`${path}.${name}`] : valuesMissing(child, found, `${path}.${name}`);
  });
}

interface Mutant {
  readonly path: string;
  readonly apply: (object: Record<string, unknown>) => void;
}

/** For every value inside `value`: one object with it of a wrong type, one with an unknown field, one without each required field. */
function mutants(schema: Schema, value: unknown, path: readonly (string | number)[]): readonly Mutant[] {
  const text = path
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`))
    .join("")
    .slice(1);
  const wrongType: Mutant = {
    path: text,
    apply: (object) => assign(object, path, schema.type === "string" ? 7 : "seven"),
  };
  if (Array.isArray(value)) {
    return [wrongType, ...value.flatMap((item, index) => mutants(schema.items ?? {}, item, [...path, index]))];
  }
  if (typeof value !== "object" || value === null) {
    return [wrongType];
  }
  if (schema.additionalProperties !== undefined) {
    return [wrongType];
  }
  const inner = Object.entries(value).flatMap(([name, child]) =>
    mutants(schema.properties?.[name] ?? {}, child, [...path, name]),
  );
  const unknown: Mutant = { path: `${text}.stranger`, apply: (object) => assign(object, [...path, "stranger"], 1) };
  const lost = (schema.required ?? []).map((name): Mutant => ({
    path: `${text}.${name}`,
    apply: (object) => assign(object, [...path, name], undefined),
  }));
  return [wrongType, unknown, ...lost, ...inner];
}

function assign(object: Record<string, unknown>, path: readonly (string | number)[], value: unknown): void {
  const parent = path
    .slice(0, -1)
    .reduce<unknown>((inner, step) => (inner as Record<string | number, unknown>)[step], object);
  (parent as Record<string | number, unknown>)[path.at(-1) ?? ""] = value;
}

test("the two documents of a transition are one object", () => {
  for (const example of [...valid, ...invalid].filter(({ isTransition }) => isTransition)) {
    const { value, old } = parsed(example);
    expect(old === undefined ? undefined : keyOf(old).name).toBe((value as AnyObject).metadata.name);
  }
});
