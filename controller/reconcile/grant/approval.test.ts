import type { AccessWorkflowSpecApprovalStep, GrantReviewSpec, GrantStatusApproval } from "#kinds/index.ts";
import { describe, expect, it } from "vitest";
import { aGrant, aWorkflow } from "../testing.ts";
import { approvalProgress, approvalsMax, mayReview, type Reviewer, reviewVerdict } from "./approval.ts";
import { approvedStatus, at, noon, seen } from "./testing.ts";

const digest = `sha256:${"1".repeat(64)}`;
const other = `sha256:${"2".repeat(64)}`;
const person = (userName: string, ...groups: string[]) => {
  const userID = `u-${userName.toLowerCase()}`;
  return { kind: "User", userID, userName, groups } as const satisfies Reviewer;
};
const grace = person("grace", "administrators");
const leads: AccessWorkflowSpecApprovalStep = {
  name: "lead",
  approvers: [{ kind: "Group", name: "Administrators" }],
};
const owners: AccessWorkflowSpecApprovalStep = {
  name: "owner",
  approvers: [
    { kind: "User", name: "Grace" },
    { kind: "User", name: "alan" },
    { kind: "User", name: "ada" },
    { kind: "Pipeline", name: "ci" },
  ],
};
const approval = (reviewer: string, step: string, more: Partial<GrantStatusApproval> = {}): GrantStatusApproval => ({
  step,
  reviewer,
  decision: "Approve",
  digest,
  time: at(1),
  ...more,
});

interface Case {
  readonly steps?: readonly AccessWorkflowSpecApprovalStep[];
  readonly approvals?: readonly GrantStatusApproval[];
  readonly review?: Partial<GrantReviewSpec>;
  readonly reviewer?: Reviewer;
  readonly grant?: Parameters<typeof aGrant>[0];
  readonly minutes?: number;
}

function verdict({ steps = [leads, owners], approvals = [], review = {}, reviewer = grace, ...more }: Case): string {
  const status = { ...seen, review: { digest, workflow: "auto", deadlineTime: at(60) }, approvals };
  const found = reviewVerdict({
    grant: aGrant({ ...more.grant, status: { ...status, ...more.grant?.status } }),
    workflow: aWorkflow({ spec: { approvalSteps: steps } }),
    review: { decision: "Approve", grantDigest: digest, ...review },
    reviewer,
    now: noon + (more.minutes ?? 2) * 60_000,
  });
  return found.kind === "counts" ? `counts for ${found.step}` : found.kind === "waits" ? "waits" : found.reason;
}

const cases: [string, Case, string][] = [
  ["of a member of the group counts, however the name is written", {}, "counts for lead"],
  ["for a named step counts for that one", { review: { step: "owner" } }, "counts for owner"],
  ["of a user who is named, in another case", { steps: [owners], reviewer: person("GRACE") }, "counts for owner"],
  ["of a pipeline that is named", { reviewer: { kind: "Pipeline", name: "ci" } }, "counts for owner"],
  [
    "of a pipeline with a person's name proves no person",
    { reviewer: { kind: "Pipeline", name: "grace" } },
    "NotAnApprover",
  ],
  ["of a person with a pipeline's name", { reviewer: person("ci") }, "NotAnApprover"],
  ["of a member of another group", { reviewer: person("eve", "developers") }, "NotAnApprover"],
  ["of a person named like the group", { reviewer: person("administrators") }, "NotAnApprover"],
  ["for a step that names somebody else", { reviewer: person("alan"), review: { step: "lead" } }, "NotAnApprover"],
  ["for a step that is not there", { review: { step: "ceo" } }, "UnknownStep"],
  ["of the Grant's own person", { reviewer: person("ADA") }, "SelfApproval"],
  [
    "of who asked for it",
    { grant: { spec: { requester: { username: "Alan" } } }, reviewer: person("alan") },
    "SelfApproval",
  ],
  [
    "of who asked for it under the same name in other code points",
    { grant: { spec: { requester: { username: "a\uff4can" } } }, reviewer: person("alan") },
    "SelfApproval",
  ],
  [
    "of the Grant's own person, whom the Grant names with accents of their own",
    {
      grant: { spec: { principal: { name: "Jose\u0301" } } },
      steps: [{ name: "lead", approvers: [{ kind: "User", name: "jos\u00e9" }] }],
      reviewer: person("jos\u00e9"),
    },
    "SelfApproval",
  ],
  [
    "of somebody who is named like an approver in other code points only",
    { steps: [owners], reviewer: person("gr\uff41ce") },
    "NotAnApprover",
  ],
  [
    "of the Grant's own person where the step allows that",
    { steps: [{ ...owners, selfApproval: "Allow" }], reviewer: person("ada") },
    "counts for owner",
  ],
  [
    "of a person who has approved a step",
    { approvals: [approval("Grace", "lead")], review: { step: "owner" } },
    "AlreadyDecided",
  ],
  [
    "of a person who has approved a step under another name",
    { approvals: [approval("grace.hopper", "lead", { reviewerID: "u-grace" })], review: { step: "owner" } },
    "AlreadyDecided",
  ],
  [
    "of a person who was given the name of one who approved",
    { approvals: [approval("grace", "lead", { reviewerID: "u-left" })], review: { step: "owner" } },
    "counts for owner",
  ],
  [
    "of the Grant's own person under a new name",
    {
      grant: { status: { principal: { userID: "u-alan", userName: "ada" } } },
      steps: [owners],
      reviewer: person("alan"),
    },
    "SelfApproval",
  ],
  [
    "of a person whose approval was of something else",
    { approvals: [approval("grace", "lead", { digest: other })] },
    "counts for lead",
  ],
  [
    "for a step that is approved",
    { approvals: [approval("hedy", "lead")], review: { step: "lead" } },
    "AlreadyDecided",
  ],
  ["for whichever step waits", { approvals: [approval("hedy", "lead")] }, "counts for owner"],
  [
    "for a step that needs two, after one",
    { steps: [{ ...leads, requiredApprovals: 2 }], approvals: [approval("hedy", "lead")] },
    "counts for lead",
  ],
  ["of what is no longer so", { review: { grantDigest: other } }, "DigestMismatch"],
  ["after a denial", { approvals: [approval("alan", "owner", { decision: "Deny" })] }, "AlreadyDecided"],
  [
    "after a denial of what it was before",
    { approvals: [approval("alan", "owner", { decision: "Deny", digest: other })] },
    "AlreadyDecided",
  ],
  ["at the deadline", { minutes: 60 }, "TooLate"],
  ["after the approval", { grant: { status: approvedStatus() } }, "TooLate"],
  [
    "after the request was cancelled",
    { grant: { status: { endRequest: { reason: "x", by: "ada", time: at(1) } } } },
    "TooLate",
  ],
  ["after the Grant was deleted", { grant: { metadata: { deletionTimestamp: at(1) } } }, "TooLate"],
  ["after the Grant was revoked", { grant: { spec: { revocation: { reason: "x" } } } }, "TooLate"],
  [
    "beyond what a status can hold",
    { approvals: Array.from({ length: approvalsMax }, () => approval("x", "lead", { digest: other })) },
    "TooManyReviews",
  ],
  ["that denies, of an approver", { review: { decision: "Deny" } }, "counts for lead"],
  [
    "that denies, of who has approved before",
    { review: { decision: "Deny" }, approvals: [approval("grace", "lead")] },
    "counts for lead",
  ],
  [
    "that denies, of the Grant's own person who is an approver",
    { review: { decision: "Deny" }, reviewer: person("ada") },
    "counts for owner",
  ],
  ["that denies, of nobody's approver", { review: { decision: "Deny" }, reviewer: person("eve") }, "NotAnApprover"],
];

describe("a review", () => {
  it.each(cases)("%s", (_title, given, expected) => {
    expect(verdict(given)).toBe(expected);
  });

  it("waits where nobody knows yet what there is to decide on", () => {
    const review = { decision: "Approve", grantDigest: digest } as const;
    const facts = { grant: aGrant({ status: seen }), workflow: aWorkflow(), review, reviewer: grace, now: noon };

    expect(reviewVerdict(facts)).toMatchObject({ kind: "waits" });
  });
});

describe("the approvals on record", () => {
  const progress = (...approvals: GrantStatusApproval[]): boolean =>
    approvalProgress(
      aGrant({ status: { ...seen, approvals } }),
      aWorkflow({ spec: { approvalSteps: [leads, owners] } }),
      digest,
    ).isApproved;

  it("count one person once, whatever they were called each time", () => {
    const lead = approval("grace", "lead", { reviewerID: "u-grace" });

    expect(progress(lead, approval("grace.hopper", "owner", { reviewerID: "u-grace" }))).toBe(false);
    expect(progress(lead, approval("hedy", "owner", { reviewerID: "u-hedy" }))).toBe(true);
  });

  it("count one name once where one of them has no ID", () => {
    const lead = approval("grace", "lead");

    expect(progress(lead, approval("Grace", "owner", { reviewerID: "u-grace" }))).toBe(false);
  });
});

describe("what a person may review", () => {
  const grant = aGrant({ status: { ...seen, review: { digest, workflow: "auto" } } });
  const workflow = aWorkflow({ spec: { approvalSteps: [leads, owners] } });

  it("names every step that their approval would count for", () => {
    expect(mayReview(person("grace", "administrators"), grant, workflow, noon)).toEqual({
      approve: ["lead", "owner"],
      deny: true,
    });
  });

  it("is nothing for whom no step names, and only a denial for the person of the Grant", () => {
    expect(mayReview(person("eve"), grant, workflow, noon)).toEqual({ approve: [], deny: false });
    expect(mayReview(person("ada"), grant, workflow, noon)).toEqual({ approve: [], deny: true });
  });
});
