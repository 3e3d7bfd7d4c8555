import { createHash } from "node:crypto";
import type { AccessWorkflow } from "./generated/accessworkflow.ts";
import type { Grant, GrantStatusTarget } from "./generated/grant.ts";
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

/** What reviewers decide on beside what can never change of the Grant. */
export interface ReviewedTerms {
  readonly workflow: AccessWorkflow;
  /** Name of the Availability that allows it. */
  readonly availability: string;
  /** What would be reached, as it is pinned at approval. */
  readonly target: GrantStatusTarget;
}

/**
 * Digest of all that a reviewer decides on, which a GrantReview must state: the Grant's uid, what can never change of its spec, its reason,
 * the workflow's rules, and what would be reached. Whoever changes any of it makes earlier reviews reviews of something else. What may
 * only shrink (duration, notAfterTime) or be put off (startTime) is left out. Throws where the Grant has no uid yet.
 */
export function reviewDigest(grant: Grant, { workflow, availability, target }: ReviewedTerms): string {
  // The port that is suggested to the person's computer is comfort.
  const { localPort: _, ...reached } = target;
  const { reason } = grant.spec;
  const rules = { name: workflow.metadata.name, digest: specDigest(workflow) };
  return sha256({ ...identityOf(grant), reason, workflow: rules, availability, target: reached });
}

function identityOf({ metadata: { uid }, spec }: Grant): object {
  if (uid === undefined) {
    throw new Error("a Grant has a digest only once it has a uid");
  }
  const { principal, databaseRef, roleName, availabilityRef, requester, urgency } = spec;
  return { uid, principal, databaseRef, roleName, availabilityRef, requester, urgency };
}

function sha256(value: unknown): string {
  return `sha256:${createHash("sha256").update(canonicalJson(value)).digest("hex")}`;
}
