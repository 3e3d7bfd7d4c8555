import type {
  AccessWorkflow,
  AccessWorkflowSpecApprovalStep,
  Grant,
  GrantReviewSpec,
  GrantStatusApproval,
} from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import { isNamedAs, mayBeNamedAs } from "./names.ts";
import { mayBeSamePerson, type OnRecord } from "./same-person.ts";

/** Whoever decides, once it is proven that it is them; groups are those of the moment. */
export type Reviewer =
  | {
      readonly kind: "User";
      /** Identity Store user ID: names change, and are given to others. */
      readonly userID: string;
      readonly userName: string;
      readonly groups: readonly string[];
    }
  | { readonly kind: "Pipeline"; readonly name: string };

/** One step of a workflow, and the approvals that count for it now. */
export interface StepProgress {
  readonly step: AccessWorkflowSpecApprovalStep;
  readonly approvals: readonly GrantStatusApproval[];
  /** How many different reviewers must approve it. */
  readonly required: number;
  readonly isApproved: boolean;
}

/** Where the approval of a Grant stands. */
export interface ApprovalProgress {
  readonly steps: readonly StepProgress[];
  /** All steps are approved, and nobody has denied. */
  readonly isApproved: boolean;
  readonly denial: GrantStatusApproval | undefined;
}

/**
 * Counts the approvals on record. Only those of what is decided on now (`digest`) count; one reviewer counts once, for the first step that
 * they approved; the Grant's person and requester count only where the step allows it. A denial always counts. Pure.
 */
export function approvalProgress(grant: Grant, workflow: AccessWorkflow, digest: string): ApprovalProgress {
  const steps = workflow.spec.approvalSteps ?? [];
  const denial = denialOf(grant);
  const seen: GrantStatusApproval[] = [];
  for (const approval of grant.status?.approvals ?? []) {
    const step = steps.find(({ name }) => name === approval.step);
    const isOfNow = approval.decision === "Approve" && approval.digest === digest;
    const isTwice = seen.some((other) => mayBeSamePerson(other, approval));
    if (isOfNow && !isTwice && step !== undefined && mayBeSelf(step, grant, approval)) {
      seen.push(approval);
    }
  }
  const progress = steps.map((step): StepProgress => {
    const approvals = seen.filter((approval) => approval.step === step.name);
    const required = step.requiredApprovals ?? 1;
    return { step, approvals, required, isApproved: approvals.length >= required };
  });
  return {
    steps: progress,
    isApproved: denial === undefined && progress.every(({ isApproved }) => isApproved),
    denial,
  };
}

/** The first denial on record, of whatever it was: it is final. */
export function denialOf({ status }: Grant): GrantStatusApproval | undefined {
  return status?.approvals?.find(({ decision }) => decision === "Deny");
}

/** Why a review does not count. CamelCase, the reason of its condition Ready. */
export type ReviewRefusal =
  /** The reviewer is named in no step, or not in the one that the review is for. */
  | "NotAnApprover"
  /** It is their own Grant, and the step does not allow that. */
  | "SelfApproval"
  /** They have approved a step already, the step is approved, or somebody has denied. */
  | "AlreadyDecided"
  /** What the reviewer decided on is not what would be approved now. */
  | "DigestMismatch"
  | "UnknownStep"
  /** The Grant has been approved, has ended, or its deadline has passed. */
  | "TooLate"
  | "TooManyReviews";

/** What becomes of a review. */
export type ReviewVerdict =
  | { readonly kind: "counts"; readonly step: string }
  | { readonly kind: "refused"; readonly reason: ReviewRefusal; readonly message: string }
  /** Nobody can decide on the Grant yet. */
  | { readonly kind: "waits"; readonly message: string };

/** What a verdict on a review rests on. */
export interface ReviewFacts {
  readonly grant: Grant;
  /** That of `reviewWorkflowName`; undefined: it is not there. */
  readonly workflow: AccessWorkflow | undefined;
  readonly review: Pick<GrantReviewSpec, "decision" | "step" | "grantDigest">;
  readonly reviewer: Reviewer;
  readonly now: EpochMs;
}

/** Most decisions that a Grant's status holds (crds/grant.yaml): eight steps of sixteen approvals. */
export const approvalsMax = 128;

/** Name of the workflow that the Grant's approval goes by: the approved one, else the one that reviewers decide by; undefined: not known yet. */
export function reviewWorkflowName({ status }: Grant): string | undefined {
  return status?.workflow?.name ?? status?.review?.workflow;
}

/** Whether a review counts, for which step, or why not. Pure: the reconciler counts by it, and the control API refuses by it beforehand. */
export function reviewVerdict(facts: ReviewFacts): ReviewVerdict {
  const { grant, workflow, review, now } = facts;
  const late = whyTooLate(grant, now);
  if (late !== undefined) {
    return refused("TooLate", late);
  }
  const denial = denialOf(grant);
  if (denial !== undefined) {
    return refused("AlreadyDecided", `${denial.reviewer} has denied the access, which is final.`);
  }
  const { digest } = grant.status?.review ?? {};
  if (digest === undefined || workflow === undefined) {
    return { kind: "waits", message: "The Grant does not wait for approval yet; see its condition Ready." };
  }
  if (review.grantDigest !== digest) {
    return refused(
      "DigestMismatch",
      "The review is of another Grant, or of what this one was before it, its workflow or its database changed. Look at it again, then decide with the digest in its status.review.digest.",
    );
  }
  if ((grant.status?.approvals?.length ?? 0) >= approvalsMax) {
    return refused("TooManyReviews", `The Grant has ${approvalsMax} reviews. Ask for the access anew.`);
  }
  return stepVerdict(facts, approvalProgress(grant, workflow, digest));
}

function stepVerdict({ grant, review, reviewer }: ReviewFacts, { steps }: ApprovalProgress): ReviewVerdict {
  const named = steps.filter(({ step }) => review.step === undefined || step.name === review.step);
  if (named.length === 0) {
    const names = steps.map(({ step }) => step.name).join(", ");
    return refused("UnknownStep", `There is no step ${review.step ?? ""}. The steps are: ${names}.`);
  }
  const who = nameOf(reviewer);
  const onRecord = recordedAs(reviewer);
  const mine = named.filter(({ step }) => isApprover(step, reviewer));
  if (mine[0] === undefined) {
    const where = review.step === undefined ? "any step" : `the step ${review.step}`;
    return refused("NotAnApprover", `${who} is not among the approvers of ${where}.`);
  }
  if (review.decision === "Deny") {
    return { kind: "counts", step: mine[0].step.name };
  }
  const allowed = mine.filter(({ step }) => mayBeSelf(step, grant, onRecord));
  if (allowed.length === 0) {
    return refused("SelfApproval", `${who} asked for the access, or would get it. Somebody else must approve it.`);
  }
  const before = steps.find(({ approvals }) => approvals.some((other) => mayBeSamePerson(other, onRecord)));
  if (before !== undefined) {
    return refused(
      "AlreadyDecided",
      `${who} has approved the step ${before.step.name} already; each reviewer counts for one step.`,
    );
  }
  const waiting = allowed.find(({ isApproved }) => !isApproved);
  return waiting === undefined
    ? refused("AlreadyDecided", `The step ${allowed[0]?.step.name ?? ""} is approved already.`)
    : { kind: "counts", step: waiting.step.name };
}

/** What somebody may decide on a Grant now. */
export interface MayReview {
  /** Steps that an approval of theirs would count for, in order. */
  readonly approve: readonly string[];
  readonly deny: boolean;
}

/** What `person` may decide now, by the same rules. Pure. */
export function mayReview(
  person: { readonly userID: string; readonly userName: string; readonly groups: readonly string[] },
  grant: Grant,
  workflow: AccessWorkflow | undefined,
  now: EpochMs,
): MayReview {
  const reviewer: Reviewer = { kind: "User", userID: person.userID, userName: person.userName, groups: person.groups };
  const grantDigest = grant.status?.review?.digest ?? "";
  const counts = (review: Omit<ReviewFacts["review"], "grantDigest">): boolean =>
    reviewVerdict({ grant, workflow, reviewer, now, review: { ...review, grantDigest } }).kind === "counts";
  const steps = workflow?.spec.approvalSteps ?? [];
  return {
    approve: steps.flatMap(({ name }) => (counts({ decision: "Approve", step: name }) ? [name] : [])),
    deny: counts({ decision: "Deny" }),
  };
}

/** Whether the reviewer is named as an approver of the step. */
export function isApprover({ approvers }: AccessWorkflowSpecApprovalStep, reviewer: Reviewer): boolean {
  return approvers.some(({ kind, name }) => {
    if (reviewer.kind === "Pipeline") {
      return kind === "Pipeline" && name === reviewer.name;
    }
    return kind === "User"
      ? isNamedAs(name, reviewer.userName)
      : kind === "Group" && reviewer.groups.some((group) => isNamedAs(group, name));
  });
}

/** Name under which a reviewer is on record. */
export function nameOf(reviewer: Reviewer): string {
  return reviewer.kind === "User" ? reviewer.userName : reviewer.name;
}

/** How a reviewer is on record. */
export function recordedAs(reviewer: Reviewer): OnRecord & Pick<GrantStatusApproval, "reviewerKind"> {
  const reviewerKind = reviewer.kind;
  const isUser = reviewer.kind === "User";
  return { reviewer: nameOf(reviewer), reviewerKind, ...(isUser ? { reviewerID: reviewer.userID } : {}) };
}

/**
 * Whether this reviewer may approve the step: neither the Grant's person nor who asked for it, unless the step allows that. The Grant's
 * person under a new name is still the Grant's person.
 */
function mayBeSelf({ selfApproval }: AccessWorkflowSpecApprovalStep, grant: Grant, who: OnRecord): boolean {
  const { spec, status } = grant;
  const isPerson = who.reviewerID !== undefined && who.reviewerID === status?.principal?.userID;
  const isNamed = [spec.principal.name, spec.requester?.username ?? ""].some((self) =>
    mayBeNamedAs(self, who.reviewer),
  );
  return (!isPerson && !isNamed) || selfApproval === "Allow";
}

function whyTooLate(grant: Grant, now: EpochMs): string | undefined {
  const { metadata, spec, status } = grant;
  if (denialOf(grant) !== undefined) {
    // Told as such: that it has ended follows from it.
    return undefined;
  }
  const isEnding =
    metadata.deletionTimestamp !== undefined || spec.revocation !== undefined || status?.endRequest !== undefined;
  if (status?.end !== undefined || isEnding) {
    return "The Grant has ended.";
  }
  if (status?.approvalTime !== undefined || status?.external !== undefined) {
    return "The access has been approved already. End it to take it back.";
  }
  const deadline = Date.parse(status?.review?.deadlineTime ?? spec.notAfterTime);
  return now >= deadline ? `The time to decide ended at ${new Date(deadline).toISOString()}.` : undefined;
}

function refused(reason: ReviewRefusal, message: string): ReviewVerdict {
  return { kind: "refused", reason, message };
}
