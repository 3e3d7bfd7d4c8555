import { apiVersion, definitions, kinds, type AnyObject } from "./generated/schemas.ts";
import { defaultNamespace, isKind } from "./key.ts";
import { checkMetadata, readNullMetadata } from "./metadata.ts";
import { withoutNulls } from "./nulls.ts";
import { plainCopy } from "./plain.ts";
import { describeValue, nowhere, problemAt, type Position, type Problem } from "./problem.ts";
import { checkRules } from "./rules.ts";
import { checkStructure } from "./structure.ts";
import { didYouMean } from "./suggest.ts";

/** What is known besides the value itself. */
export interface ValidateOptions {
  /** The object as it was last accepted; transition rules run only with it. */
  readonly old?: AnyObject;
  /** Where the value's fields stand in their file; absent for values that came another way. */
  readonly position?: Position;
  /** Namespace of an object that names none; absent means `default`. */
  readonly namespace?: string;
}

/** The object, a plain deep copy of what was given, or why it was refused. */
export type Validation =
  | { readonly object: AnyObject; readonly problems?: undefined }
  | { readonly object?: undefined; readonly problems: readonly Problem[] };

/**
 * Decides, as a Kubernetes API server with `fieldValidation=Strict` would, whether `value` is a legal object and, given
 * `old`, a legal next version of it. Never throws, whatever the value is. Nothing is coerced and nothing is defaulted but
 * the namespace; a field that is empty (`null`) is left out.
 */
export function validateObject(value: unknown, options: ValidateOptions = {}): Validation {
  const position = options.position ?? nowhere;
  const plain = plainCopy(value, position);
  if ("problem" in plain) {
    return { problems: [plain.problem] };
  }
  const object = plain.copy;
  const strangers = checkType(object, position);
  if (strangers.length > 0) {
    return { problems: strangers };
  }
  const candidate = object as AnyObject;
  readNullMetadata(candidate.metadata);
  withoutNulls(definitions[candidate.kind].schema, candidate);
  const problems = [
    ...checkMetadata(candidate.kind, candidate.metadata, position),
    ...checkStructure(candidate.kind, candidate, position),
  ];
  if (problems.length > 0) {
    return { problems };
  }
  const old = options.old?.kind === candidate.kind ? options.old : undefined;
  const broken = checkRules(definitions[candidate.kind].schema, candidate, old, position);
  if (broken.length > 0) {
    return { problems: broken };
  }
  return { object: withMetadata(candidate, options.namespace ?? defaultNamespace) };
}

/** Problems of `apiVersion` and `kind`, which decide what else is looked at. */
export function checkType(value: unknown, position: Position): readonly Problem[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [problemAt(position, [], `must be an object with apiVersion and kind, found ${describeValue(value)}`)];
  }
  const { apiVersion: version, kind } = value as { readonly apiVersion?: unknown; readonly kind?: unknown };
  const problems: Problem[] = [];
  if (version !== apiVersion) {
    problems.push(problemAt(position, ["apiVersion"], expected([apiVersion], version)));
  }
  if (!isKind(kind)) {
    problems.push(problemAt(position, ["kind"], expected(kinds, kind)));
  }
  return problems;
}

function expected(values: readonly string[], found: unknown): string {
  const words = values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`;
  if (found === undefined) {
    return `is required: ${words}`;
  }
  const hint = typeof found === "string" && values.length > 1 ? didYouMean(found, values) : "";
  return `must be ${words}, found ${describeValue(found)}${hint}`;
}

/** The namespace filled in; the null that kubectl prints for an unset time left out. */
function withMetadata(object: AnyObject, namespace: string): AnyObject {
  const known = Object.fromEntries(Object.entries(object.metadata).filter(([, value]) => value !== null));
  return {
    ...object,
    metadata: { ...known, name: object.metadata.name, namespace: object.metadata.namespace ?? namespace },
  } as AnyObject;
}
