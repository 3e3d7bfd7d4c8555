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
 * writes them (RFC 8785). Throws on numbers that JSON cannot hold, since `null` in their place would be a lie.
 */
export function canonicalJSON(value: CanonicalValue): string {
  if (typeof value === "string") {
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) {
      throw new TypeError("a canonical number must be finite");
    }
    // String(-0) is "0", as RFC 8785 demands.
    return String(value);
  }
  if (value === null || typeof value === "boolean") {
    return String(value);
  }
  if (isArray(value)) {
    return `[${value.map(canonicalJSON).join(",")}]`;
  }
  let text = "";
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member !== undefined) {
      text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${canonicalJSON(member)}`;
    }
  }
  return `{${text}}`;
}

function isArray(value: object): value is readonly CanonicalValue[] {
  return Array.isArray(value);
}
