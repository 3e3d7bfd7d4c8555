import { describe, expect, it } from "vitest";
import { apiVersion, type GrantReview, type GrantReviewStatus } from "#kinds/index.ts";
import { aGrant, aWorkflow } from "../testing.ts";
import { at, noon, seen } from "../grant/testing.ts";
import { decideReview, isDecided, reviewConditions, withApproval } from "./decide.ts";

const digest = `sha256:${"1".repeat(64)}`;
const workflow = aWorkflow({
  spec: { approvalSteps: [{ name: "lead", approvers: [{ kind: "User", name: "grace" }] }] },
});
const grant = aGrant({ status: { ...seen, review: { digest, workflow: "auto" } } });
const reviewer = { kind: "User", userID: "u-grace", userName: "grace", groups: [] } as const;
const facts = { workflow, reviewer, now: noon };

function aReview(status?: GrantReviewStatus): GrantReview {
  return {
    apiVersion,
    kind: "GrantReview",
    metadata: { namespace: "default", name: "by-grace" },
    spec: { grantRef: { name: "ada-orders" }, grantDigest: digest, decision: "Approve", comment: "Go." },
    ...(status === undefined ? {} : { status }),
  };
}

const withReason = (reason: string): GrantReview =>
  aReview({ conditions: [{ type: "Ready", status: "False", reason, message: "", lastTransitionTime: at(0) }] });

describe("a review that counts", () => {
  it("goes on record with all that is worth knowing of it", () => {
    const decision = decideReview(aReview(), grant, facts);

    expect(decision).toEqual({
      kind: "counted",
      isNew: true,
      approval: {
        step: "lead",
        reviewer: "grace",
        reviewerID: "u-grace",
        reviewerKind: "User",
        decision: "Approve",
        digest,
        time: at(0),
        review: "by-grace",
        comment: "Go.",
      },
    });
  });

  it("is known again where a process ended between the record and the review's own status, and goes on record once", () => {
    const first = decideReview(aReview(), grant, facts);
    const approvals = first.kind === "counted" ? [first.approval] : [];
    const status = approvals.reduce(withApproval, grant.status ?? {});

    expect(decideReview(aReview(), { ...grant, status }, facts)).toMatchObject({ kind: "counted", isNew: false });
  });

  it("is not taken for the one of its name that somebody else had made before", () => {
    const approvals = [
      { step: "lead", reviewer: "alan", decision: "Approve", digest, time: at(0), review: "by-grace" },
    ] as const;

    expect(decideReview(aReview(), { ...grant, status: { ...grant.status, approvals } }, facts)).toMatchObject({
      kind: "refused",
      reason: "AlreadyDecided",
    });
  });
});

describe("what is decided on a review", () => {
  it.each([
    ["Counted", true],
    ["NotAnApprover", true],
    ["DigestMismatch", true],
    ["GrantNotFound", false],
    ["NotReviewable", false],
    ["ReviewerNotVerified", false],
    ["ProviderError", false],
    ["constructor", false],
  ])("stands for good: %s, %s", (reason, expected) => {
    expect(isDecided(withReason(reason))).toBe(expected);
  });

  it("is open before anybody has looked at it", () => {
    expect(isDecided(aReview())).toBe(false);
  });

  it("tells a person whose word is not proven that they must act, and who waits for another object that it goes on", () => {
    const unproven = reviewConditions({ kind: "waits", reason: "ReviewerNotVerified", message: "" });
    const early = reviewConditions({ kind: "waits", reason: "GrantNotFound", message: "" });

    expect(unproven.map(({ type }) => type)).toEqual(["Ready", "Stalled"]);
    expect(early.map(({ type }) => type)).toEqual(["Ready", "Reconciling"]);
  });
});
