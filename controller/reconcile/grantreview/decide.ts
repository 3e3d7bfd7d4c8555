import {
  getCondition,
  type ConditionInput,
  type Grant,
  type GrantReview,
  type GrantStatus,
  type GrantStatusApproval,
} from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import { defined } from "#lib/defined.ts";
import { recordedAs, type ReviewRefusal, type Reviewer, reviewVerdict, type ReviewFacts } from "../grant/approval.ts";
import { mayBeSamePerson } from "../grant/same-person.ts";
import { formatTime } from "../grant/window.ts";
import { notReady, ready, stalledAt } from "../status/simple.ts";

/** What becomes of a GrantReview. */
export type ReviewDecision =
  /** It is on record, or is to be put there: `approval`. */
  | { readonly kind: "counted"; readonly approval: GrantStatusApproval; readonly isNew: boolean }
  /** It never will count. */
  | { readonly kind: "refused"; readonly reason: RefusalReason; readonly message: string }
  /** Something else must come first: its Grant, a policy. */
  | { readonly kind: "waits"; readonly reason: WaitReason; readonly message: string };

/** Reasons of Ready that nothing changes any more: whoever was told that their word does not count must not find later that it did. */
export type RefusalReason =
  | ReviewRefusal
  | "ReviewerNotFound"
  | "ReviewerDisabled"
  | "ReviewerIsPipeline"
  /** The control API knows the reviewer from another Identity Store than the one of the Grant. */
  | "OtherIdentityStore";
/** Reasons of Ready until something else changes. */
export type WaitReason = "GrantNotFound" | "NotReviewable" | "ReviewerNotVerified" | "ReferenceNotFound";

const finalReasons: Readonly<Record<RefusalReason | "Counted", true>> = {
  Counted: true,
  NotAnApprover: true,
  SelfApproval: true,
  AlreadyDecided: true,
  DigestMismatch: true,
  UnknownStep: true,
  TooLate: true,
  TooManyReviews: true,
  ReviewerNotFound: true,
  ReviewerDisabled: true,
  ReviewerIsPipeline: true,
  OtherIdentityStore: true,
};

/** Whether the review has been decided on, for good. */
export function isDecided(review: GrantReview): boolean {
  const reason = getCondition(review.status?.conditions, "Ready")?.reason;
  return reason !== undefined && Object.hasOwn(finalReasons, reason);
}

/** Decides on a review whose reviewer is proven. Pure; the Grant's status is what is on record at this very moment. */
export function decideReview(
  review: GrantReview,
  grant: Grant,
  facts: { readonly workflow: ReviewFacts["workflow"]; readonly reviewer: Reviewer; readonly now: EpochMs },
): ReviewDecision {
  const { reviewer, now } = facts;
  const known = recordOf(review, grant, reviewer);
  if (known !== undefined) {
    return { kind: "counted", approval: known, isNew: false };
  }
  const verdict = reviewVerdict({ grant, review: review.spec, ...facts });
  switch (verdict.kind) {
    case "counts":
      return { kind: "counted", approval: approvalOf(review, reviewer, verdict.step, now), isNew: true };
    case "waits":
      return { kind: "waits", reason: "NotReviewable", message: verdict.message };
    default:
      return verdict;
  }
}

/** This very review on record: it was counted, and this process or another ended before it could say so. */
function recordOf({ metadata, spec }: GrantReview, { status }: Grant, reviewer: Reviewer) {
  return status?.approvals?.find(
    (entry) =>
      entry.review === metadata.name &&
      entry.digest === spec.grantDigest &&
      entry.decision === spec.decision &&
      mayBeSamePerson(entry, recordedAs(reviewer)),
  );
}

function approvalOf(
  { metadata, spec }: GrantReview,
  reviewer: Reviewer,
  step: string,
  now: EpochMs,
): GrantStatusApproval {
  return {
    step,
    ...recordedAs(reviewer),
    decision: spec.decision,
    digest: spec.grantDigest,
    time: formatTime(now),
    review: metadata.name,
    ...defined({ comment: spec.comment }),
  };
}

/** A Grant's status with the decision on record. */
export function withApproval(status: GrantStatus, approval: GrantStatusApproval): GrantStatus {
  return { ...status, approvals: [...(status.approvals ?? []), approval] };
}

/** Conditions of a review by what became of it. */
export function reviewConditions(decision: ReviewDecision): ConditionInput[] {
  switch (decision.kind) {
    case "counted": {
      const { step, reviewer, decision: what } = decision.approval;
      const words = what === "Approve" ? "approved" : "denied";
      return ready("Counted", `${reviewer} ${words} the step ${step}.`);
    }
    case "refused":
      return stalledAt(decision.reason, `The review does not count. ${decision.message}`);
    default:
      // Policies that are put back prove nothing of what was made before: a person must decide again.
      return decision.reason === "ReviewerNotVerified"
        ? stalledAt(decision.reason, decision.message)
        : notReady(decision.reason, decision.message);
  }
}
