import { AwsError } from "../service.ts";
import type { Tag } from "./model.ts";

/** Tags per resource, the quota of ECS. */
const tagsMax = 50;

/** InvalidParameterException with this message. */
export function invalid(message: string): AwsError {
  return new AwsError("InvalidParameterException", message);
}

/** ClientException with this message. */
export function clientError(message: string): AwsError {
  return new AwsError("ClientException", message);
}

/** A string that must be there. Throws InvalidParameterException. */
export function requiredText(input: Record<string, unknown>, key: string): string {
  const value = optionalText(input, key);
  if (value === undefined || value === "") {
    throw invalid(`${key} cannot be blank.`);
  }
  return value;
}

/** A string, or undefined. Throws SerializationException when it is something else. */
export function optionalText(input: Record<string, unknown>, key: string): string | undefined {
  const value = input[key] ?? undefined;
  if (value !== undefined && typeof value !== "string") {
    throw new AwsError("SerializationException", `${key} must be a string`);
  }
  return value;
}

/** A whole number, or undefined. Throws InvalidParameterException below 0. */
export function optionalCount(input: Record<string, unknown>, key: string): number | undefined {
  const value = input[key] ?? undefined;
  if (value !== undefined && (typeof value !== "number" || !Number.isInteger(value) || value < 0)) {
    throw invalid(`${key} must be a whole number of 0 or more.`);
  }
  return value;
}

/** A list of strings; empty when absent. */
export function textList(input: Record<string, unknown>, key: string): string[] {
  const value = input[key] ?? [];
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string")) {
    throw new AwsError("SerializationException", `${key} must be a list of strings`);
  }
  return value;
}

/** An object, or undefined. */
export function optionalObject(input: Record<string, unknown>, key: string): Record<string, unknown> | undefined {
  const value = input[key] ?? undefined;
  if (value !== undefined && (typeof value !== "object" || Array.isArray(value))) {
    throw new AwsError("SerializationException", `${key} must be a structure`);
  }
  return value as Record<string, unknown> | undefined;
}

/** The tags of a request. Throws InvalidParameterException. */
export function readTags(input: Record<string, unknown>): Tag[] {
  const value = input["tags"] ?? [];
  if (!Array.isArray(value) || value.length > tagsMax) {
    throw invalid(`Tags must be a list of at most ${tagsMax}.`);
  }
  return (value as { key?: unknown; value?: unknown }[]).map((tag) => {
    const { key, value: text = "" } = tag;
    if (typeof key !== "string" || key === "" || key.length > 128 || key.toLowerCase().startsWith("aws:")) {
      throw invalid("Tag keys must have 1 to 128 characters and must not start with aws:.");
    }
    if (typeof text !== "string" || text.length > 256) {
      throw invalid("Tag values must have at most 256 characters.");
    }
    return { key, value: text };
  });
}

/** `before` with `changes` put over it, key by key. */
export function mergeTags(before: readonly Tag[], changes: readonly Tag[]): Tag[] {
  const values = new Map([...before, ...changes].map((tag) => [tag.key, tag.value]));
  return Array.from(values, ([key, value]) => ({ key, value }));
}

/** Tags as condition keys are made of. */
export function tagRecord(tags: readonly Tag[]): Record<string, string> {
  return Object.fromEntries(tags.map((tag) => [tag.key, tag.value]));
}

/** Cuts one page out of a list. Throws InvalidParameterException for a token that was not given out. */
export function page<T>(
  input: Record<string, unknown>,
  all: readonly T[],
  maximum = 100,
): { items: readonly T[]; nextToken: string | undefined } {
  const token = optionalText(input, "nextToken") ?? "0";
  const size = optionalCount(input, "maxResults") ?? maximum;
  if (!/^\d{1,9}$/.test(token) || Number(token) > all.length) {
    throw invalid("Invalid token");
  }
  if (size < 1 || size > maximum) {
    throw invalid(`maxResults must be from 1 to ${maximum}.`);
  }
  const end = Number(token) + size;
  return { items: all.slice(Number(token), end), nextToken: end < all.length ? String(end) : undefined };
}
