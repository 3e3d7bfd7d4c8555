/** A value that has one canonical form. `undefined` members are left out, as JSON does. */
export type CanonicalValue =
  | string
  | number
  | boolean
  | null
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue | undefined };

/**
 * JSON with one form per value: members sorted by UTF-16 code units, no white space, numbers and strings as ECMAScript
 * writes them (RFC 8785). Throws `TypeError` for numbers that JSON cannot hold, since `null` in their place would be a
 * lie, and for keys that look like array indexes, which objects would not keep in order.
 */
export function canonicalJSON(value: CanonicalValue): string {
  return JSON.stringify(inOrder(value));
}

function inOrder(value: CanonicalValue): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new TypeError("a canonical number must be finite");
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  if (isArray(value)) {
    return value.map(inOrder);
  }
  const ordered: Record<string, unknown> = {};
  for (const key of sortedKeys(value)) {
    const member = value[key];
    if (member !== undefined) {
      ordered[key] = inOrder(member);
    }
  }
  return ordered;
}

/** Sorting the keys would cost as much as all the rest, and records have few shapes: the order is kept by list of keys. */
const shapes = new Map<string, readonly string[]>();
/** Far more than records have; a caller with endless shapes only loses the gain. */
const shapesMax = 1_000;

function sortedKeys(value: object): readonly string[] {
  const keys = Object.keys(value);
  const shape = keys.join("\n");
  const known = shapes.get(shape);
  // Keys with a line feed are never kept, so two lists that join to the same text differ in length.
  if (known?.length === keys.length) {
    return known;
  }
  if (keys.some((key) => /^\d+$|^__proto__$/.test(key))) {
    throw new TypeError("a canonical key must not be an array index");
  }
  keys.sort();
  if (shapes.size < shapesMax && !keys.some((key) => key.includes("\n"))) {
    shapes.set(shape, keys);
  }
  return keys;
}

function isArray(value: object): value is readonly CanonicalValue[] {
  return Array.isArray(value);
}
