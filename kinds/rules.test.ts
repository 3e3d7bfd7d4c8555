import { describe, expect, test } from "vitest";
import { nowhere } from "./problem.ts";
import { checkRules, compileRule } from "./rules.ts";
import type { Rule, Schema } from "./schema.ts";

describe("CEL rules", () => {
  const rule = (text: string, more: Partial<Rule> = {}): Rule => ({ rule: text, message: "must hold", ...more });
  const object = (properties: { readonly [name: string]: Schema }, ...rules: readonly Rule[]): Schema => ({
    type: "object",
    properties,
    "x-kubernetes-validations": rules,
  });

  test("see integers as int and date-times as instants, by the schema", () => {
    const schema = object(
      { count: { type: "integer" }, at: { type: "string", format: "date-time" }, text: { type: "string" } },
      rule("self.count + 1 == 2 && self.at < timestamp('2026-01-01T00:00:00Z') && self.text == '2025'"),
    );

    expect(checkRules(schema, { count: 1, at: "2026-01-01T00:30:00+01:00", text: "2025" }, undefined, nowhere)).toEqual(
      [],
    );
  });

  test("that use oldSelf run on update only, and not on a field that is new", () => {
    const field: Schema = { type: "string", "x-kubernetes-validations": [rule("self == oldSelf")] };
    const schema = object({ field });

    expect(checkRules(schema, { field: "a" }, undefined, nowhere)).toEqual([]);
    expect(checkRules(schema, { field: "a" }, {}, nowhere)).toEqual([]);
    expect(checkRules(schema, { field: "a" }, { field: "a" }, nowhere)).toEqual([]);
    expect(checkRules(schema, { field: "a" }, { field: "b" }, nowhere).map(({ path }) => path)).toEqual(["field"]);
  });

  test("with optionalOldSelf also run on create, where oldSelf is an empty optional", () => {
    const schema = object(
      { n: { type: "integer" } },
      rule("oldSelf.hasValue() || self.n == 0", { optionalOldSelf: true }),
    );

    expect(checkRules(schema, { n: 0 }, undefined, nowhere)).toEqual([]);
    expect(checkRules(schema, { n: 1 }, undefined, nowhere)).toHaveLength(1);
    expect(checkRules(schema, { n: 1 }, { n: 0 }, nowhere)).toEqual([]);
  });

  test("compare entries of a list of type map by key, not by place; entries of other lists never", () => {
    const items = object({ name: { type: "string" }, n: { type: "integer" } }, rule("self.n == oldSelf.n"));
    const map = object({
      list: { type: "array", items, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] },
    });
    const atomic = object({ list: { type: "array", items, "x-kubernetes-list-type": "atomic" } });
    const entry = (name: string, n: number): object => ({ name, n });
    const old = { list: [entry("a", 1), entry("b", 2)] };

    expect(checkRules(map, { list: [entry("b", 2), entry("a", 1), entry("c", 3)] }, old, nowhere)).toEqual([]);
    expect(checkRules(map, { list: [entry("b", 1), entry("a", 1)] }, old, nowhere).map(({ path }) => path)).toEqual([
      "list[0]",
    ]);
    expect(checkRules(atomic, { list: [entry("a", 9)] }, old, nowhere)).toEqual([]);
  });

  test("inside an atomic map have no old value, inside a granular one they have", () => {
    const schema = (type: "atomic" | "granular"): Schema => ({
      ...object({ n: { type: "integer", "x-kubernetes-validations": [rule("self == oldSelf")] } }),
      "x-kubernetes-map-type": type,
    });

    expect(checkRules(schema("atomic"), { n: 1 }, { n: 2 }, nowhere)).toEqual([]);
    expect(checkRules(schema("granular"), { n: 1 }, { n: 2 }, nowhere)).toHaveLength(1);
  });

  test("that cannot be evaluated, or give no truth value, refuse the object", () => {
    for (const text of ["self.missing == 1", "1 / self.n == 1", "self.n"]) {
      const schema = object({ n: { type: "integer" }, missing: { type: "integer" } }, rule(text));

      expect(checkRules(schema, { n: 0 }, undefined, nowhere)).toHaveLength(1);
    }
  });

  test("that are not CEL are found when they are compiled", () => {
    expect(() => compileRule(rule("self ==="))).toThrow();
  });

  test("put their problem at fieldPath and name themselves", () => {
    const schema = object({ n: { type: "integer" } }, rule("self.n > 1", { fieldPath: ".n" }));

    expect(checkRules(schema, { n: 0 }, undefined, nowhere)).toEqual([
      expect.objectContaining({ path: "n", message: "must hold", rule: "self.n > 1" }),
    ]);
  });
});
