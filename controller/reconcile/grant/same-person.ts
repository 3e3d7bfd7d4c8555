import type { GrantStatusApproval } from "#kinds/index.ts";
import { mayBeNamedAs } from "./names.ts";

/** A reviewer as a Grant's status names them. What was recorded before there were IDs, and pipelines, have a name only. */
export type OnRecord = Pick<GrantStatusApproval, "reviewer" | "reviewerID">;

/**
 * Whether two on record may be one person: by their IDs where both have one, else by their names. For refusing what one person must not do
 * twice. Pure.
 */
export function mayBeSamePerson(one: OnRecord, other: OnRecord): boolean {
  return one.reviewerID !== undefined && other.reviewerID !== undefined
    ? one.reviewerID === other.reviewerID
    : mayBeNamedAs(one.reviewer, other.reviewer);
}
