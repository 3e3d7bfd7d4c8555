// Light on purpose: the parser and the validator, which bring yaml, ajv and CEL, are imported from `load.ts`, `parse.ts` and
// `validate.ts` by those who need them.
export type * from "./generated/accessworkflow.ts";
export type * from "./generated/availability.ts";
export type * from "./generated/condition.ts";
export type * from "./generated/database.ts";
export type * from "./generated/grant.ts";
export type * from "./generated/grantreview.ts";
export type * from "./generated/proxy.ts";
export { apiVersion, kinds, type AnyObject, type Kind } from "./generated/schemas.ts";
export { defaultNamespace, formatKey, isKind, keyOf, parseKey, type ObjectKey } from "./key.ts";
export type { ObjectMeta } from "./meta.ts";
export { getCondition, isTrue, setCondition, type ConditionInput } from "./conditions.ts";
export { canonicalJson, specDigest } from "./digest.ts";
export type { FieldPath, Place, Position, Problem } from "./problem.ts";
export { matchesLabels, type LabelSelector } from "./selector.ts";
