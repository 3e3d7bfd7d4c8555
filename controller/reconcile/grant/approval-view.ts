import type { AccessWorkflow, Grant, GrantStatusApproval } from "#kinds/index.ts";
import { defined } from "#lib/defined.ts";
import type { ApprovalStepView, ApprovalView, Decision } from "#wire/approval.ts";
import { approvalProgress, denialOf, type StepProgress } from "./approval.ts";

/**
 * Where the approval of a Grant stands, as people see it; undefined where that is not known yet. After the decision the workflow may be
 * gone or another one: then the steps are those on record. Pure.
 * @param workflow that of `reviewWorkflowName`
 */
export function approvalView(grant: Grant, workflow: AccessWorkflow | undefined): ApprovalView | undefined {
  const { status } = grant;
  const { approvalKind, review } = status ?? {};
  if (approvalKind === undefined && review === undefined) {
    return undefined;
  }
  const isDenied = denialOf(grant) !== undefined;
  const isApproved = status?.approvalTime !== undefined;
  return {
    kind: approvalKind ?? "Reviewed",
    state: isDenied ? "Denied" : isApproved ? "Approved" : "Waiting",
    steps: review === undefined || approvalKind === "BreakGlass" ? [] : stepViews(grant, workflow, review.digest),
    ...defined({ deadline: review?.deadlineTime }),
  };
}

function stepViews(grant: Grant, workflow: AccessWorkflow | undefined, digest: string): ApprovalStepView[] {
  const decisions = (grant.status?.approvals ?? []).filter(
    (entry) => entry.decision === "Deny" || entry.digest === digest,
  );
  const { steps } = workflow === undefined ? { steps: [] } : approvalProgress(grant, workflow, digest);
  const known = steps.map((progress) => stepView(progress, decisions));
  const gone = new Set(decisions.map(({ step }) => step).filter((step) => !known.some(({ name }) => name === step)));
  return [...known, ...[...gone].map((name) => goneStep(name, decisions))];
}

function stepView({ step, required, isApproved }: StepProgress, all: readonly GrantStatusApproval[]): ApprovalStepView {
  const own = all.filter((entry) => entry.step === step.name);
  const isDenied = own.some(({ decision }) => decision === "Deny");
  return {
    name: step.name,
    approvers: step.approvers.map(({ kind, name }) => ({ kind, name })),
    requiredApprovals: required,
    decisions: own.map(decisionOf),
    state: isDenied ? "Denied" : isApproved ? "Approved" : "Waiting",
  };
}

/** A step that the workflow has no more, from what is on record of it. */
function goneStep(name: string, all: readonly GrantStatusApproval[]): ApprovalStepView {
  const own = all.filter((entry) => entry.step === name);
  return {
    name,
    approvers: [],
    requiredApprovals: own.length,
    decisions: own.map(decisionOf),
    state: own.some(({ decision }) => decision === "Deny") ? "Denied" : "Approved",
  };
}

function decisionOf({ decision, reviewer, reviewerKind, time, comment }: GrantStatusApproval): Decision {
  return { decision, reviewer: { kind: reviewerKind ?? "User", username: reviewer }, time, ...defined({ comment }) };
}
