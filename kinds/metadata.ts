import type { Kind } from "./generated/schemas.ts";
import { definitions } from "./generated/schemas.ts";
import { describeValue, problemAt, type FieldPath, type Position, type Problem } from "./problem.ts";
import { didYouMean } from "./suggest.ts";

// Kubernetes, "Object Names and IDs" and "Labels and Selectors".
const label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomain = new RegExp(`^${label}(\\.${label})*$`);
const dnsLabel = new RegExp(`^${label}$`);
const word = /^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/;

/** Longest DNS label (RFC 1035) and so the longest namespace, label name and label value, in characters. */
export const labelMax = 63;
/** Longest DNS subdomain (RFC 1035 without the trailing dot), in characters. */
export const subdomainMax = 253;
/** Annotations of one object, keys and values together, in bytes: Kubernetes' TotalAnnotationSizeLimitB. */
export const annotationBytesMax = 256 * 1024;

const text = "a string";
const fields: { readonly [name: string]: { readonly is: (value: unknown) => boolean; readonly words: string } } = {
  name: { is: isString, words: text },
  namespace: { is: isString, words: text },
  labels: { is: isObject, words: "an object" },
  annotations: { is: isObject, words: "an object" },
  uid: { is: isString, words: text },
  generation: { is: (value) => Number.isSafeInteger(value) && Number(value) >= 0, words: "an integer from 0" },
  resourceVersion: { is: isString, words: text },
  creationTimestamp: { is: isTime, words: "an RFC 3339 time" },
  deletionTimestamp: { is: isTime, words: "an RFC 3339 time" },
  deletionGracePeriodSeconds: { is: (value) => Number.isSafeInteger(value), words: "an integer" },
  finalizers: { is: (value) => Array.isArray(value) && value.every(isString), words: "a list of strings" },
  generateName: { is: isString, words: text },
  ownerReferences: { is: Array.isArray, words: "a list" },
  managedFields: { is: Array.isArray, words: "a list" },
  selfLink: { is: isString, words: text },
};

/**
 * Reads the empty values (`null`) in metadata, a plain copy, as the API server reads them into its own type: a field is absent, a label or an
 * annotation is the empty text.
 */
export function readNullMetadata(metadata: unknown): void {
  if (!isObject(metadata)) {
    return;
  }
  const own = metadata as Record<string, unknown>;
  for (const name of Object.keys(fields).filter((field) => own[field] === null)) {
    delete own[name];
  }
  for (const map of [own["labels"], own["annotations"]].filter(isObject)) {
    for (const key of Object.keys(map).filter((name) => map[name] === null)) {
      (map as Record<string, unknown>)[key] = "";
    }
  }
}

/** Checks what the API server checks of metadata; unknown fields are refused. `metadata` is plain data. */
export function checkMetadata(kind: Kind, metadata: unknown, position: Position): readonly Problem[] {
  const at = (path: FieldPath, message: string): Problem => problemAt(position, ["metadata", ...path], message);
  if (!isObject(metadata)) {
    return [at([], metadata === undefined ? "is required" : `must be an object, found ${describeValue(metadata)}`)];
  }
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(metadata)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) {
      const message = `is not a field of metadata${didYouMean(name, Object.keys(fields))}`;
      problems.push(problemAt(position, ["metadata", name], message, { part: "key" }));
    } else if (!field.is(value)) {
      problems.push(at([name], `must be ${field.words}, found ${describeValue(value)}`));
    }
  }
  if (problems.length > 0) {
    return problems;
  }
  const { name, namespace, labels, annotations } = metadata;
  const nameMax = definitions[kind].schema.properties?.["metadata"]?.properties?.["name"]?.maxLength ?? subdomainMax;
  return [
    ...checkName(name, nameMax).map((message) => at(["name"], message)),
    ...checkNamespace(namespace).map((message) => at(["namespace"], message)),
    ...Object.entries(labels ?? {}).flatMap(([key, value]) =>
      checkLabel(key, value).map((message) => at(["labels", key], message)),
    ),
    ...checkAnnotations(annotations ?? {}).map(([path, message]) => at(["annotations", ...path], message)),
  ];
}

function checkName(name: unknown, max: number): readonly string[] {
  if (!isString(name) || name === "") {
    return ["is required"];
  }
  if (name.length > max) {
    return [`must be at most ${max} characters, found ${name.length}`];
  }
  const words = "lower-case letters, digits, `-` and `.`, beginning and ending with a letter or digit";
  return subdomain.test(name) ? [] : [`must be ${words}, found ${describeValue(name)}`];
}

function checkNamespace(namespace: unknown): readonly string[] {
  if (namespace === undefined) {
    return [];
  }
  const isLabel = isString(namespace) && namespace.length <= labelMax && dnsLabel.test(namespace);
  const words = `at most ${labelMax} lower-case letters, digits and \`-\`, beginning and ending with a letter or digit`;
  return isLabel ? [] : [`must be ${words}, found ${describeValue(namespace)}`];
}

function checkLabel(key: string, value: unknown): readonly string[] {
  if (!isQualifiedName(key)) {
    return ["must have a key of the form name or prefix.example/name"];
  }
  if (!isString(value)) {
    return [`must be a string, found ${describeValue(value)}; put it in quotes`];
  }
  const isValue = value === "" || (value.length <= labelMax && word.test(value));
  const words = `at most ${labelMax} letters, digits, \`-\`, \`_\` and \`.\`, beginning and ending with a letter or digit`;
  return isValue ? [] : [`must be ${words}, found ${describeValue(value)}`];
}

function checkAnnotations(annotations: object): readonly (readonly [FieldPath, string])[] {
  let bytes = 0;
  const problems: [FieldPath, string][] = [];
  for (const [key, value] of Object.entries(annotations) as [string, unknown][]) {
    // Annotation keys are compared in lower case by the API server.
    if (!isQualifiedName(key.toLowerCase())) {
      problems.push([[key], "must have a key of the form name or prefix.example/name"]);
    } else if (!isString(value)) {
      problems.push([[key], `must be a string, found ${describeValue(value)}; put it in quotes`]);
    } else {
      bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    }
  }
  if (bytes > annotationBytesMax) {
    problems.push([[], `must be at most ${annotationBytesMax} bytes in all, found ${bytes}`]);
  }
  return problems;
}

/** Whether `key` is `name` or `prefix/name`, the form of label and annotation keys. */
export function isQualifiedName(key: string): boolean {
  const [first = "", second, more] = key.split("/");
  const name = second ?? first;
  const prefixOk = second === undefined || (first.length <= subdomainMax && subdomain.test(first));
  return more === undefined && prefixOk && name.length <= labelMax && word.test(name);
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isTime(value: unknown): boolean {
  return isString(value) && !Number.isNaN(Date.parse(value));
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
