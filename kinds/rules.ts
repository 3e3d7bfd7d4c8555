import { Environment, Optional, type ASTNode, type ParseResult } from "@marcbachmann/cel-js";
import { problemAt, type FieldPath, type Position, type Problem } from "./problem.ts";
import type { Rule, Schema } from "./schema.ts";
import { identityOf } from "./structure.ts";

const environment = new Environment({ enableOptionalTypes: true })
  .registerVariable("self", "dyn")
  .registerVariable("oldSelf", "dyn");

interface CompiledRule {
  readonly rule: Rule;
  readonly evaluate: ParseResult;
  /** Transition rules speak of the old value and run on update only. */
  readonly isTransition: boolean;
}

const compiled = new WeakMap<Rule, CompiledRule>();

/**
 * Evaluates every CEL rule of `schema` on `value`, which already has the schema's structure. Rules that use `oldSelf` run only
 * where `old` has the same field (list entries are matched by their map keys), as the API server does it. A rule that
 * cannot be evaluated counts as broken.
 */
export function checkRules(schema: Schema, value: unknown, old: unknown, position: Position): readonly Problem[] {
  return check(schema, value, old, [], position);
}

function check(schema: Schema, value: unknown, old: unknown, path: FieldPath, position: Position): Problem[] {
  const rules = schema["x-kubernetes-validations"] ?? [];
  const problems = rules.flatMap((rule) => {
    const broken = evaluate(compileRule(rule), schema, value, old);
    return broken === undefined
      ? []
      : [problemAt(position, [...path, ...fieldPathOf(rule)], broken, { rule: rule.rule })];
  });
  for (const child of children(schema, value, old)) {
    problems.push(...check(child.schema, child.value, child.old, [...path, child.step], position));
  }
  return problems;
}

/** Parses and type-checks a rule once. Throws where it is not CEL: a defect of the CRD, found by its tests. */
export function compileRule(rule: Rule): CompiledRule {
  const known = compiled.get(rule);
  if (known !== undefined) {
    return known;
  }
  const evaluateRule = environment.parse(rule.rule);
  const result = { rule, evaluate: evaluateRule, isTransition: usesOldSelf(evaluateRule.ast) };
  compiled.set(rule, result);
  return result;
}

/** The message of the rule where it is broken, undefined where it holds or does not apply. */
function evaluate(compiledRule: CompiledRule, schema: Schema, value: unknown, old: unknown): string | undefined {
  const { rule, evaluate: run, isTransition } = compiledRule;
  if (isTransition && old === undefined && rule.optionalOldSelf !== true) {
    return undefined;
  }
  try {
    const self = celValue(schema, value);
    const oldValue = old === undefined ? undefined : celValue(schema, old);
    const oldSelf =
      rule.optionalOldSelf === true ? (oldValue === undefined ? Optional.none() : Optional.of(oldValue)) : oldValue;
    const verdict: unknown = isTransition ? run({ self, oldSelf }) : run({ self });
    return verdict === true ? undefined : rule.message;
  } catch {
    return `${rule.message} (the rule could not be evaluated)`;
  }
}

/** The fields and entries inside `value`, each with its schema and the old value it corresponds to. */
function children(
  schema: Schema,
  value: unknown,
  old: unknown,
): readonly {
  readonly step: string | number;
  readonly schema: Schema;
  readonly value: unknown;
  readonly old: unknown;
}[] {
  if (Array.isArray(value)) {
    const items = schema.items ?? {};
    const isMap = schema["x-kubernetes-list-type"] === "map";
    const before = new Map(
      isMap && Array.isArray(old) ? old.map((item: unknown) => [identityOf(schema, item), item]) : [],
    );
    return value.map((item: unknown, step) => ({
      step,
      schema: items,
      value: item,
      old: isMap ? before.get(identityOf(schema, item)) : undefined,
    }));
  }
  if (typeof value !== "object" || value === null) {
    return [];
  }
  // The parts of an atomic map are not compared with old ones (Kubernetes: correlatable only where granular).
  const isAtomic = schema["x-kubernetes-map-type"] === "atomic";
  const before = (isAtomic ? undefined : old) as { readonly [name: string]: unknown } | undefined;
  return Object.entries(value).flatMap(([step, child]) => {
    const childSchema = schemaOf(schema, step);
    return childSchema === undefined
      ? []
      : [{ step, schema: childSchema, value: child as unknown, old: own(before, step) }];
  });
}

/** `value` as CEL sees it by its schema: integers as int (BigInt), date-times as timestamps. */
function celValue(schema: Schema, value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map((item: unknown) => celValue(schema.items ?? {}, item));
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, child]) => [name, celValue(schemaOf(schema, name) ?? {}, child)]),
    );
  }
  if (typeof value === "number") {
    return BigInt(value);
  }
  return schema.format === "date-time" && typeof value === "string" ? new Date(value) : value;
}

function schemaOf(schema: Schema, name: string): Schema | undefined {
  return (
    own(schema.properties, name) ?? (schema.additionalProperties === false ? undefined : schema.additionalProperties)
  );
}

function own<T>(object: { readonly [name: string]: T } | undefined, name: string): T | undefined {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}

/** `.a.b` as a path. The CRDs use plain names only; the API server also knows brackets. */
function fieldPathOf(rule: Rule): FieldPath {
  return rule.fieldPath?.split(".").slice(1) ?? [];
}

function usesOldSelf(node: ASTNode): boolean {
  const found = (part: unknown): boolean => {
    if (Array.isArray(part)) {
      return part.some(found);
    }
    return typeof part === "object" && part !== null && "op" in part && usesOldSelf(part as ASTNode);
  };
  return node.op === "id" ? node.args === "oldSelf" : found(node.args);
}
