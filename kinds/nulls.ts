import type { Schema } from "./schema.ts";

/**
 * Takes the empty values (`null`) of fields out of a plain copy, as the API server does before it validates: a field that the schema does not
 * call nullable, and none of ours is, is absent where it is empty. Unknown fields and entries of lists stay, and are refused later.
 */
export function withoutNulls(schema: Schema, value: unknown): void {
  if (Array.isArray(value)) {
    for (const item of value) {
      withoutNulls(schema.items ?? {}, item);
    }
    return;
  }
  if (typeof value !== "object" || value === null) {
    return;
  }
  const fields = value as Record<string, unknown>;
  for (const [name, child] of Object.entries(fields)) {
    const childSchema = schemaOf(schema, name);
    if (childSchema !== undefined && child === null) {
      delete fields[name];
    } else if (childSchema !== undefined) {
      withoutNulls(childSchema, child);
    }
  }
}

function schemaOf({ properties = {}, additionalProperties }: Schema, name: string): Schema | undefined {
  const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
  return own ?? (additionalProperties === false ? undefined : additionalProperties);
}
