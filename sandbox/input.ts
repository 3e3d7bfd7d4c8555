import { AwsError } from "./service.ts";

/** What a text member must look like. Lengths are in UTF-16 units, as the service models count. */
export interface TextRule {
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
}

/** The raw input of an operation. */
export type Input = Readonly<Record<string, unknown>>;

/** A text member that must be there. Throws `ValidationException` in AWS's own wording. */
export function text(input: Input, name: string, rule: TextRule = {}): string {
  const value = optionalText(input, name, rule);
  if (value === undefined) {
    throw invalid(name, null, "Member must not be null");
  }
  return value;
}

/** A text member that may be absent. */
export function optionalText(input: Input, name: string, rule: TextRule = {}): string | undefined {
  const value = input[name];
  if (value === undefined || value === null) {
    return undefined;
  }
  if (typeof value !== "string") {
    throw new AwsError("SerializationException", `The member ${name} must be a string.`);
  }
  const { min = 0, max = Infinity, pattern } = rule;
  if (value.length < min) {
    throw invalid(name, value, `Member must have length greater than or equal to ${min}`);
  }
  if (value.length > max) {
    throw invalid(name, value, `Member must have length less than or equal to ${max}`);
  }
  if (pattern !== undefined && !pattern.test(value)) {
    throw invalid(name, value, `Member must satisfy regular expression pattern: ${pattern.source}`);
  }
  return value;
}

/** A member that must be one of `values`. */
export function choice<const T extends string>(input: Input, name: string, values: readonly T[]): T {
  const value = text(input, name);
  const chosen = values.find((one) => one === value);
  if (chosen === undefined) {
    throw invalid(name, value, `Member must satisfy enum value set: [${values.join(", ")}]`);
  }
  return chosen;
}

/** A structure that may be absent; absent is empty. */
export function structure(input: Input, name: string): Input {
  const value = input[name] ?? {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new AwsError("SerializationException", `The member ${name} must be a structure.`);
  }
  return value as Input;
}

/** A list of structures that may be absent; absent is empty. */
export function structures(input: Input, name: string): Input[] {
  return list(input, name).map((value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new AwsError("SerializationException", `The member ${name} must be a list of structures.`);
    }
    return value as Input;
  });
}

/** A list of texts that may be absent; absent is empty. */
export function texts(input: Input, name: string, rule: TextRule = {}): string[] {
  return list(input, name).map((value) => text({ [name]: value }, name, rule));
}

/** A whole number that may be absent. The query protocol sends it as text. */
export function optionalInteger(input: Input, name: string, min: number, max: number): number | undefined {
  const value = input[name];
  if (value === undefined || value === null) {
    return undefined;
  }
  const number = typeof value === "number" ? value : Number(value);
  if (!Number.isInteger(number)) {
    throw new AwsError("SerializationException", `The member ${name} must be an integer.`);
  }
  if (number < min || number > max) {
    const bound = number < min ? `greater than or equal to ${min}` : `less than or equal to ${max}`;
    throw invalid(name, String(number), `Member must have value ${bound}`);
  }
  return number;
}

/** AWS's sentence for a member that breaks a constraint of the model. */
function invalid(name: string, value: string | null, why: string): AwsError {
  const member = name.charAt(0).toLowerCase() + name.slice(1);
  const shown = value === null ? "null" : `'${value}'`;
  return new AwsError(
    "ValidationException",
    `1 validation error detected: Value ${shown} at '${member}' failed to satisfy constraint: ${why}`,
  );
}

/** Seconds since the epoch, as the JSON protocols write a time. */
export function epochSeconds(ms: number): number {
  return ms / 1000;
}

function list(input: Input, name: string): unknown[] {
  const value = input[name] ?? [];
  if (!Array.isArray(value)) {
    throw new AwsError("SerializationException", `The member ${name} must be a list.`);
  }
  return value as unknown[];
}
