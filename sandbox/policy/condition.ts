import { compilePattern, literalText, matchArnPattern, matchPattern } from "./pattern.ts";
import type { Pattern, VariableLookup } from "./pattern.ts";

/** A value of the request context. A list is a multi-valued key. */
type ContextValue = string | number | boolean | readonly string[];

/** The request context by key. IAM compares keys without regard to case. */
export type Context = Readonly<Record<string, ContextValue>>;

/** `invalid`: an operator or value that IAM does not define. The evaluator then fails closed. */
export type ConditionOutcome = "met" | "unmet" | "invalid";

/** Looks up a context key without regard to case. Values as strings, undefined when the key is absent. */
export type ContextLookup = (key: string) => readonly string[] | undefined;

/** Makes the lookup for one request. */
export function contextLookup(context: Context): ContextLookup {
  const values = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(context)) {
    values.set(key.toLowerCase(), Array.isArray(value) ? value : [String(value as string | number | boolean)]);
  }
  return (key) => values.get(key.toLowerCase());
}

/**
 * Evaluates one line of a Condition block: operator, key and values
 * (IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for multi-valued context keys").
 */
export function evaluateCondition(
  operator: string,
  key: string,
  policyValues: string | boolean | number | readonly (string | boolean | number)[],
  lookup: ContextLookup,
  variables: VariableLookup | undefined,
): ConditionOutcome {
  const wanted = (Array.isArray(policyValues) ? policyValues : [policyValues]).map(String);
  const actual = lookup(key);
  if (operator === "Null") {
    return wanted.some((value) => (value.toLowerCase() === "true") === (actual === undefined)) ? "met" : "unmet";
  }
  const parsed = parseOperator(operator);
  if (parsed === undefined) {
    return "invalid";
  }
  const { test, negated, ifExists, quantifier } = parsed;
  if (actual === undefined) {
    // IAM: an absent key fails a positive operator, passes a negated one, IfExists and ForAllValues.
    return ifExists || quantifier === "ForAllValues" || (negated && quantifier !== "ForAnyValue") ? "met" : "unmet";
  }
  const patterns = wanted.map((value) => compilePattern(value, variables)).filter((pattern) => pattern !== undefined);
  if (negated && patterns.length < wanted.length) {
    // A variable without a value equals nothing, so a negated operator would pass by accident.
    return "invalid";
  }
  const outcomes = actual.map((value) => {
    const results = patterns.map((pattern) => test(pattern, value));
    return results.includes("invalid") ? "invalid" : results.includes(true) !== negated;
  });
  if (outcomes.includes("invalid")) {
    return "invalid";
  }
  const all = quantifier === "ForAllValues" || (quantifier === undefined && negated);
  return (all ? outcomes.every(Boolean) : outcomes.some(Boolean)) ? "met" : "unmet";
}

type Test = (wanted: Pattern, actual: string) => boolean | "invalid";

interface ParsedOperator {
  readonly test: Test;
  readonly negated: boolean;
  readonly ifExists: boolean;
  readonly quantifier: "ForAllValues" | "ForAnyValue" | undefined;
}

function parseOperator(operator: string): ParsedOperator | undefined {
  const parts = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/.exec(operator);
  const name = parts?.[2] ?? "";
  const definition = operators.get(name);
  return definition === undefined
    ? undefined
    : {
        ...definition,
        ifExists: parts?.[3] !== undefined,
        quantifier: parts?.[1] as ParsedOperator["quantifier"],
      };
}

const equals: Test = (wanted, actual) => literalText(wanted) === actual;
const equalsIgnoringCase: Test = (wanted, actual) => literalText(wanted).toLowerCase() === actual.toLowerCase();
const like: Test = (wanted, actual) => matchPattern(wanted, actual);
const arnLike: Test = (wanted, actual) => matchArnPattern(wanted, actual);
const bool: Test = (wanted, actual) => {
  const value = literalText(wanted).toLowerCase();
  return value === "true" || value === "false" ? value === actual.toLowerCase() : "invalid";
};

type Comparison = (actual: number, wanted: number) => boolean;

/** Compares both sides as numbers read by `parse`; a policy value that cannot be read is invalid. */
function comparing(parse: (text: string) => number, comparison: Comparison): Test {
  return (wanted, actual) => {
    const bound = parse(literalText(wanted));
    return Number.isNaN(bound) ? "invalid" : comparison(parse(actual), bound);
  };
}

function parseNumber(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text);
}

/** ISO 8601 or epoch seconds, the two forms that IAM accepts. */
function parseDate(text: string): number {
  return /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
}

const comparisons: readonly (readonly [string, Comparison, boolean])[] = [
  ["Equals", (actual, wanted) => actual === wanted, false],
  ["NotEquals", (actual, wanted) => actual === wanted, true],
  ["LessThan", (actual, wanted) => actual < wanted, false],
  ["LessThanEquals", (actual, wanted) => actual <= wanted, false],
  ["GreaterThan", (actual, wanted) => actual > wanted, false],
  ["GreaterThanEquals", (actual, wanted) => actual >= wanted, false],
];

const operators: ReadonlyMap<string, { readonly test: Test; readonly negated: boolean }> = new Map([
  ["StringEquals", { test: equals, negated: false }],
  ["StringNotEquals", { test: equals, negated: true }],
  ["StringEqualsIgnoreCase", { test: equalsIgnoringCase, negated: false }],
  ["StringNotEqualsIgnoreCase", { test: equalsIgnoringCase, negated: true }],
  ["StringLike", { test: like, negated: false }],
  ["StringNotLike", { test: like, negated: true }],
  ["ArnEquals", { test: arnLike, negated: false }],
  ["ArnLike", { test: arnLike, negated: false }],
  ["ArnNotEquals", { test: arnLike, negated: true }],
  ["ArnNotLike", { test: arnLike, negated: true }],
  ["Bool", { test: bool, negated: false }],
  ...comparisons.flatMap(([suffix, comparison, negated]) => [
    [`Numeric${suffix}`, { test: comparing(parseNumber, comparison), negated }] as const,
    [`Date${suffix}`, { test: comparing(parseDate, comparison), negated }] as const,
  ]),
]);
