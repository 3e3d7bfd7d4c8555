import type { Grant, GrantReview } from "#kinds/index.ts";
import type { Stored } from "../source/source.ts";
import type { IdentityVerdict } from "./verdict.ts";

/** Who stands behind a Grant or a review, as far as it is proven. */
export type Proof =
  /** A person whom the control API or the API server has authenticated; a pipeline that administrators trust may name people too. */
  | { readonly kind: "person"; readonly username: string }
  /** What brings files or manifests. Its name among approvers, where it gave one. */
  | { readonly kind: "pipeline"; readonly name: string | undefined }
  | { readonly kind: "unproven"; readonly reason: string; readonly message: string };

/**
 * Milliseconds after the policies were put there during which objects do not count yet: every API server learns of a policy by a watch of its
 * own, in a second or so, and their clocks may differ a little.
 */
export const settlingMs = 30_000;

/** Whose decision this review is. `verdict` must come from a look that began after the review was seen. Pure. */
export function reviewerOf(review: Stored<GrantReview>, verdict: IdentityVerdict): Proof {
  const { reviewer } = review.object.spec;
  return prove(review, verdict, reviewer);
}

/** Who asks for this Grant. `verdict` as for `reviewerOf`. Pure. */
export function requesterOf(grant: Stored<Grant>, verdict: IdentityVerdict): Proof {
  return prove(grant, verdict, grant.object.spec.requester);
}

function prove(
  { object, origin }: Stored<Grant | GrantReview>,
  verdict: IdentityVerdict,
  named: { readonly username: string; readonly kind?: "User" | "Pipeline" } | undefined,
): Proof {
  const byName: Proof =
    named === undefined || named.kind === "Pipeline"
      ? { kind: "pipeline", name: named?.username }
      : { kind: "person", username: named.username };
  if (origin === "api") {
    return byName;
  }
  if (verdict.kind === "folder") {
    return { kind: "pipeline", name: named?.kind === "Pipeline" ? named.username : undefined };
  }
  if (verdict.kind === "untrusted") {
    return { kind: "unproven", reason: verdict.reason, message: verdict.message };
  }
  const created = Date.parse(object.metadata.creationTimestamp ?? "");
  if (!(created > verdict.sinceMs + settlingMs)) {
    const since = new Date(verdict.sinceMs + settlingMs).toISOString();
    return {
      kind: "unproven",
      reason: "MadeBeforePolicy",
      message: `It was made before ${since}, from when on the admission policies are known to be in force. Make it again.`,
    };
  }
  return byName;
}
