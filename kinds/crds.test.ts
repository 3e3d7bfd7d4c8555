import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { patternWords } from "./expectation.ts";
import { apiVersion, definitions, kinds } from "./generated/schemas.ts";
import { compileRule } from "./rules.ts";
import type { Schema } from "./schema.ts";

const folder = path.join(path.dirname(import.meta.dirname), "crds");

interface Column {
  readonly name: string;
  readonly type: string;
  readonly priority?: number;
  readonly jsonPath: string;
}

interface Crd {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: { readonly kind: string; readonly plural: string; readonly categories: readonly string[] };
    readonly versions: readonly {
      readonly name: string;
      readonly subresources: unknown;
      readonly selectableFields?: readonly { readonly jsonPath: string }[];
      readonly additionalPrinterColumns: readonly Column[];
    }[];
  };
}

const crds = readdirSync(folder)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => parse(readFileSync(path.join(folder, name), "utf8")) as Crd);

interface Node {
  readonly path: string;
  readonly schema: Schema;
}

/** Every schema under `schema`, with its path; metadata belongs to the API server. */
function nodes(schema: Schema, at: string): readonly Node[] {
  const inner = Object.entries(schema.properties ?? {}).filter(([name]) => name !== "metadata");
  return [
    { path: at, schema },
    ...inner.flatMap(([name, child]) => nodes(child, `${at}.${name}`)),
    ...(schema.items === undefined ? [] : nodes(schema.items, `${at}[]`)),
    ...(schema.additionalProperties === undefined || schema.additionalProperties === false
      ? []
      : nodes(schema.additionalProperties, `${at}{}`)),
  ];
}

const all = kinds.flatMap((kind) => nodes(definitions[kind].schema, kind));
const fields = all.filter(
  ({ path }) => path.includes(".") && !/\.(apiVersion|kind)$/.test(path.replace(/\..*\./, "..")),
);

describe("the CRDs", () => {
  test("are named, scoped and categorised alike, and keep status in its own subresource", () => {
    for (const { metadata, spec } of crds) {
      expect(metadata.name).toBe(`${spec.names.plural}.${spec.group}`);
      expect(spec.scope).toBe("Namespaced");
      expect(spec.names.categories).toEqual(["access"]);
      expect(spec.versions.map(({ name }) => `${spec.group}/${name}`)).toEqual([apiVersion]);
      expect(spec.versions[0]?.subresources).toEqual({ status: {} });
    }
    expect(crds.map(({ spec }) => spec.names.kind).sort()).toEqual([...kinds]);
  });

  test("have the agreed short names", () => {
    const shortNames = Object.fromEntries(kinds.map((kind) => [kind, definitions[kind].shortNames]));

    expect(shortNames).toEqual({
      AccessWorkflow: ["awf"],
      Availability: ["avl"],
      Database: ["adb"],
      Grant: ["grt"],
      GrantReview: ["grv"],
      Proxy: ["apx"],
    });
  });

  test("show no date column but the age, which alone lies in the past, and no priority 0, which the server drops", () => {
    for (const column of crds.flatMap(({ spec }) =>
      spec.versions.flatMap((version) => version.additionalPrinterColumns),
    )) {
      expect(column.type === "date" ? column.jsonPath : "").toMatch(/^(\.metadata\.creationTimestamp)?$/);
      expect(column.priority).not.toBe(0);
    }
  });

  test("select only by required scalar fields of the spec", () => {
    for (const { spec } of crds) {
      for (const { jsonPath } of spec.versions.flatMap((version) => version.selectableFields ?? [])) {
        const node = all.find(({ path }) => path === `${spec.names.kind}${jsonPath}`);
        expect(node?.schema.type).toBe("string");
      }
    }
  });
});

describe("every field of the schemas", () => {
  test("is described", () => {
    expect(fields.filter(({ schema }) => !schema.description).map(({ path }) => path)).toEqual([]);
  });

  test("is bounded", () => {
    const unbounded = fields.filter(({ schema }) => {
      switch (schema.type) {
        case "string":
          return schema.maxLength === undefined && schema.enum === undefined;
        case "integer":
          return (
            schema.format === "int32" &&
            schema.enum === undefined &&
            (schema.minimum === undefined || schema.maximum === undefined)
          );
        case "array":
          return schema.maxItems === undefined || schema["x-kubernetes-list-type"] === undefined;
        case "object":
          return schema.additionalProperties !== undefined && schema.maxProperties === undefined;
        default:
          return schema.type !== "boolean";
      }
    });

    expect(unbounded.map(({ path }) => path)).toEqual([]);
  });

  test("has no default, which would appear in live objects as drift", () => {
    expect(fields.filter(({ schema }) => "default" in schema).map(({ path }) => path)).toEqual([]);
  });

  test("has required scalar keys where it is a list of type map", () => {
    for (const { schema } of fields.filter(({ schema }) => schema["x-kubernetes-list-type"] === "map")) {
      for (const key of schema["x-kubernetes-list-map-keys"] ?? []) {
        expect(schema.items?.required).toContain(key);
        expect(schema.items?.properties?.[key]?.type).toBe("string");
      }
    }
  });

  test("has a pattern that RE2 can run and that messages can say in words", () => {
    for (const { schema } of fields) {
      if (schema.pattern !== undefined) {
        expect(schema.pattern).not.toMatch(/\(\?|\\[1-9k]/);
        expect(() => new RegExp(schema.pattern ?? "", "u")).not.toThrow();
        expect(schema.format === "date-time" || Object.hasOwn(patternWords, schema.pattern)).toBe(true);
      }
    }
  });

  test("is an instant only in the one form that both engines read alike", () => {
    const forms = new Set(
      fields.filter(({ schema }) => schema.format === "date-time").map(({ schema }) => schema.pattern),
    );

    expect(forms.size).toBe(1);
  });
});

describe("every CEL rule", () => {
  const rules = all.flatMap(({ path, schema }) =>
    (schema["x-kubernetes-validations"] ?? []).map((rule) => ({ path, schema, rule })),
  );

  test.for(rules)("parses, says why, and points at a field: $path $rule.message", ({ schema, rule }) => {
    expect(compileRule(rule).evaluate.check().valid).toBe(true);
    expect(rule.message).toMatch(/\b(must|may)\b|is immutable/);
    let target: Schema | undefined = schema;
    for (const step of rule.fieldPath?.split(".").slice(1) ?? []) {
      target = target?.properties?.[step];
    }
    expect(target).toBeDefined();
  });

  const known = new Set(["has", "size", "all", "exists", "exists_one", "timestamp"]);

  test("uses only functions and macros that the API server and cel-js share", () => {
    for (const { rule } of rules) {
      const called = [...rule.rule.matchAll(/([A-Za-z_]+)\(/g)].map((match) => match[1] ?? "");
      expect(called.filter((name) => !known.has(name))).toEqual([]);
    }
  });

  test("names only fields that the schema has at that place", () => {
    for (const { path, schema, rule } of rules) {
      for (const [, steps] of rule.rule.matchAll(/\b(?:self|oldSelf)((?:\.[A-Za-z_]+)*)/g)) {
        const names = steps?.split(".").slice(1) ?? [];
        let target: Schema | undefined = schema;
        for (const step of names.filter((name) => !known.has(name))) {
          target = target?.properties?.[step];
        }
        expect(target, `${path}: ${rule.rule}`).toBeDefined();
      }
    }
  });
});
