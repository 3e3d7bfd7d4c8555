import { createHash } from "node:crypto";
import type { Grant } from "./generated/grant.ts";
import type { AnyObject } from "./generated/schemas.ts";

/**
 * JSON with sorted keys and no spaces, so that equal values have equal text: RFC 8785 for what the kinds hold (no floats; keys
 * sorted by UTF-16 units). Fields that are undefined are left out. Throws on what JSON cannot say.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(canonicalJson).join(",")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, child]) => child !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, child]) => `${JSON.stringify(key)}:${canonicalJson(child)}`).join(",")}}`;
  }
  const isScalar = value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
  if (!isScalar) {
    throw new TypeError(`cannot be written as JSON: ${typeof value}`);
  }
  return JSON.stringify(value);
}

/** Digest of the object's whole spec, `sha256:` and 64 hexadecimal digits: equal exactly where nothing asked for has changed. */
export function specDigest(object: AnyObject): string {
  return sha256(object.spec);
}

/**
 * What a GrantReview pins: the Grant's uid and the fields of its spec that can never change. A re-created Grant has another
 * uid and so another digest. Throws where the object has no uid yet.
 */
export function grantDigest(grant: Grant): string {
  const { uid } = grant.metadata;
  if (uid === undefined) {
    throw new Error("a Grant has a digest only once it has a uid");
  }
  const { principal, databaseRef, roleName, availabilityRef, requester, urgency } = grant.spec;
  return sha256({ uid, principal, databaseRef, roleName, availabilityRef, requester, urgency });
}

function sha256(value: unknown): string {
  return `sha256:${createHash("sha256").update(canonicalJson(value)).digest("hex")}`;
}
