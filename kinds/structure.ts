import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { isDateTime } from "./date-time.ts";
import { expectation, textExpectation } from "./expectation.ts";
import { definitions, type Kind } from "./generated/schemas.ts";
import { describeValue, problemAt, problemsMax, type FieldPath, type Position, type Problem } from "./problem.ts";
import type { Schema } from "./schema.ts";
import { didYouMean } from "./suggest.ts";

// `verbose` gives each error its schema and data, from which the message is made. Nothing is coerced or defaulted.
const ajv = new Ajv({ strict: false, allErrors: true, verbose: true, ownProperties: true, logger: false });
ajv.addFormat("int32", { type: "number", validate: (value) => Math.abs(value) <= 2 ** 31 - 1 });
ajv.addFormat("int64", { type: "number", validate: (value) => Number.isSafeInteger(value) });
ajv.addFormat("date-time", { type: "string", validate: isDateTime });

const compiled = new Map<Kind, ValidateFunction>();

/**
 * Checks `value`, plain data, against the schema of `kind`: types, bounds, patterns, required and unknown fields (refused,
 * as the API server's `fieldValidation=Strict` does), unique keys of lists. At most one problem for each field.
 */
export function checkStructure(kind: Kind, value: unknown, position: Position): readonly Problem[] {
  const { schema } = definitions[kind];
  let validate = compiled.get(kind);
  if (validate === undefined) {
    validate = ajv.compile(closed(schema, true));
    compiled.set(kind, validate);
  }
  if (validate(value)) {
    return duplicates(schema, value, [], position);
  }
  const problems = new Map<string, Problem>();
  for (const error of (validate.errors ?? []).slice(0, problemsMax)) {
    const problem = explain(error, value, position);
    // The first error of a field is about its type; later ones about the same value say nothing new.
    if (!problems.has(problem.path)) {
      problems.set(problem.path, problem);
    }
  }
  return [...problems.values()];
}

/** `schema` with every object closed to unknown fields; metadata has its own check. */
function closed(schema: Schema, isRoot = false): Schema {
  const { properties, items, additionalProperties } = schema;
  if (schema.type === "array" && items !== undefined) {
    return { ...schema, items: closed(items) };
  }
  if (schema.type !== "object") {
    return schema;
  }
  if (additionalProperties !== undefined && additionalProperties !== false) {
    return { ...schema, additionalProperties: closed(additionalProperties) };
  }
  const closedProperties = Object.fromEntries(
    Object.entries(properties ?? {}).map(([name, child]) => [name, isRoot && name === "metadata" ? {} : closed(child)]),
  );
  return { ...schema, properties: closedProperties, additionalProperties: false };
}

function explain(error: ErrorObject, root: unknown, position: Position): Problem {
  const path = pathOf(error.instancePath, root);
  const schema = (error.parentSchema ?? {}) as Schema;
  const found = describeValue(error.data);
  switch (error.keyword) {
    case "required": {
      const name = String(error.params["missingProperty"]);
      return problemAt(position, [...path, name], "is required");
    }
    case "additionalProperties": {
      const name = String(error.params["additionalProperty"]);
      const owner = path.length === 0 ? "the object" : String(path.findLast((step) => typeof step === "string"));
      const hint = didYouMean(name, Object.keys(schema.properties ?? {}));
      return problemAt(position, [...path, name], `is not a field of ${owner}${hint}`, { part: "key" });
    }
    case "enum": {
      const hint = typeof error.data === "string" ? didYouMean(error.data, (schema.enum ?? []).map(String)) : "";
      return problemAt(position, path, `must be ${expectation(schema)}, found ${found}${hint}`);
    }
    case "pattern":
      return problemAt(position, path, `must be ${textExpectation(schema)}, found ${found}`);
    case "type":
      return problemAt(
        position,
        path,
        `must be ${expectation(schema)}, found ${found}${quoteHint(schema, error.data)}`,
      );
    case "minLength":
      return problemAt(position, path, `must be at least ${count(schema.minLength, "character")}, found ${found}`);
    case "maxLength":
      return problemAt(
        position,
        path,
        `must be at most ${count(schema.maxLength, "character")}, found ${String(error.data).length}`,
      );
    case "minItems":
      return problemAt(position, path, `must have at least ${count(schema.minItems, "entry", "entries")}`);
    case "maxItems":
      return problemAt(position, path, `must have at most ${count(schema.maxItems, "entry", "entries")}`);
    case "minProperties":
      return problemAt(position, path, `must have at least ${count(schema.minProperties, "field")}`);
    case "maxProperties":
      return problemAt(position, path, `must have at most ${count(schema.maxProperties, "field")}`);
    default:
      return problemAt(position, path, `must be ${expectation(schema)}, found ${found}`);
  }
}

function count(value: number | undefined, one: string, many = `${one}s`): string {
  return `${String(value)} ${value === 1 ? one : many}`;
}

/** A number or boolean where text belongs is most often a value that needs quotes. */
function quoteHint(schema: Schema, value: unknown): string {
  return schema.type === "string" && (typeof value === "number" || typeof value === "boolean")
    ? "; put it in quotes"
    : "";
}

/** Reads ajv's JSON pointer (RFC 6901); whether a step is an index is told by the value itself. */
function pathOf(pointer: string, root: unknown): FieldPath {
  const path: (string | number)[] = [];
  let value = root;
  for (const raw of pointer.split("/").slice(1)) {
    const step = Array.isArray(value) ? Number(raw) : raw.replaceAll("~1", "/").replaceAll("~0", "~");
    path.push(step);
    value = (value as { readonly [key: string | number]: unknown } | undefined)?.[step];
  }
  return path;
}

/** Entries that a list of type map or set holds twice. `value` already has the right structure. */
function duplicates(schema: Schema, value: unknown, path: FieldPath, position: Position): Problem[] {
  if (Array.isArray(value)) {
    const seen = new Set<string>();
    return value.flatMap((item: unknown, index) => {
      const itemPath = [...path, index];
      const identity = identityOf(schema, item);
      const repeated = identity !== undefined && seen.has(identity);
      seen.add(identity ?? "");
      const own = repeated ? [problemAt(position, itemPath, `must not repeat an earlier entry (${identity})`)] : [];
      return [...own, ...duplicates(schema.items ?? {}, item, itemPath, position)];
    });
  }
  if (typeof value !== "object" || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([name, child]) => {
    const childSchema = schema.properties?.[name];
    return childSchema === undefined ? [] : duplicates(childSchema, child, [...path, name], position);
  });
}

/** What must be unique about `item` in a list of `schema`; undefined where anything may repeat. */
export function identityOf(schema: Schema, item: unknown): string | undefined {
  switch (schema["x-kubernetes-list-type"]) {
    case "set":
      return JSON.stringify(item);
    case "map": {
      const fields = (item ?? {}) as { readonly [name: string]: unknown };
      return (schema["x-kubernetes-list-map-keys"] ?? [])
        .map((key) => `${key} ${JSON.stringify(fields[key])}`)
        .join(", ");
    }
    default:
      return undefined;
  }
}
