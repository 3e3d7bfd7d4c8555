import type { AccessWorkflow, Grant } from "#kinds/index.ts";
import { defined } from "#lib/defined.ts";
import type { ApprovalStepView, ApprovalView, Decision, ExtensionView } from "#wire/approval.ts";
import type { Source } from "../source/source.ts";
import { coversDatabase } from "../reconcile/grant/offers.ts";
import type { Principal } from "./auth/tokens.ts";
import { isSamePerson } from "./same-person.ts";

/** The workflow that the Grant goes by: the one on record, else the strictest of those that could apply. */
export function workflowOf(grant: Grant, source: Pick<Source, "get" | "list">): AccessWorkflow | undefined {
  const { namespace } = grant.metadata;
  const named = grant.status?.workflow?.name;
  if (named !== undefined) {
    return source.get("AccessWorkflow", namespace, named)?.object;
  }
  const database = source.get("Database", namespace, grant.spec.databaseRef.name)?.object;
  return source
    .list("Availability")
    .flatMap(({ object }) => {
      const isOf =
        object.metadata.namespace === namespace &&
        database !== undefined &&
        object.spec.roleNames.includes(grant.spec.roleName) &&
        coversDatabase(object, database);
      const workflow = isOf ? source.get("AccessWorkflow", namespace, object.spec.workflowRef.name) : undefined;
      return workflow === undefined ? [] : [workflow.object];
    })
    .sort((one, other) => (other.spec.priority ?? 0) - (one.spec.priority ?? 0))[0];
}

/** Where the approval stands, from the workflow and the reviews that counted. Pure. */
export function approvalOf(grant: Grant, workflow: AccessWorkflow | undefined): ApprovalView | undefined {
  const steps = (workflow?.spec.approvalSteps ?? []).map((step) => stepView(step, grant));
  const isDenied = steps.some((step) => step.state === "Denied");
  const isApproved = grant.status?.approvalTime !== undefined || steps.every((step) => step.state === "Approved");
  const kind = grant.spec.urgency === "BreakGlass" ? "BreakGlass" : steps.length === 0 ? "Automatic" : "Reviewed";
  const deadlineSeconds = workflow?.spec.approvalDeadlineSeconds;
  const asked = Date.parse(grant.status?.requestTime ?? "");
  if (workflow === undefined && grant.status?.approvalTime === undefined) {
    return undefined;
  }
  return {
    kind,
    state: isDenied ? "Denied" : isApproved ? "Approved" : "Waiting",
    steps,
    ...(deadlineSeconds === undefined || Number.isNaN(asked)
      ? {}
      : { deadline: new Date(asked + deadlineSeconds * 1_000).toISOString() }),
  };
}

type Step = NonNullable<AccessWorkflow["spec"]["approvalSteps"]>[number];

function stepView(step: Step, { status }: Grant): ApprovalStepView {
  const decisions = (status?.approvals ?? []).flatMap((entry): Decision[] =>
    entry.step === step.name
      ? [
          {
            decision: entry.decision,
            reviewer: { kind: "User", username: entry.reviewer },
            time: entry.time,
            ...defined({ comment: (entry as { comment?: string }).comment }),
          },
        ]
      : [],
  );
  const approvals = decisions.filter(({ decision }) => decision === "Approve").length;
  const requiredApprovals = step.requiredApprovals ?? 1;
  const isDenied = decisions.some(({ decision }) => decision === "Deny");
  return {
    name: step.name,
    approvers: step.approvers,
    requiredApprovals,
    decisions,
    state: isDenied ? "Denied" : approvals >= requiredApprovals ? "Approved" : "Waiting",
  };
}

/** The steps at which the person's word would count now. Pure. */
export function reviewableSteps(person: Principal, grant: Grant, workflow: AccessWorkflow | undefined): string[] {
  const approval = approvalOf(grant, workflow);
  if (approval?.kind !== "Reviewed" || approval.state !== "Waiting") {
    return [];
  }
  const isSelf =
    isSamePerson(grant.spec.principal.name, person.userName) ||
    (grant.spec.requester !== undefined && isSamePerson(grant.spec.requester.username, person.userName));
  return (workflow?.spec.approvalSteps ?? []).flatMap((step, index) => {
    const isWaiting = approval.steps[index]?.state === "Waiting";
    const mayDecide = isApprover(person, step) && (!isSelf || step.selfApproval === "Allow");
    return isWaiting && mayDecide ? [step.name] : [];
  });
}

function isApprover(person: Principal, step: Step): boolean {
  return step.approvers.some(
    ({ kind, name }) =>
      (kind === "User" && isSamePerson(name, person.userName)) ||
      (kind === "Group" && person.groups.some((group) => isSamePerson(group, name))),
  );
}

/** How the Grant may still be extended; undefined: not at all. Pure. */
export function extensionOf({ status, spec }: Grant): ExtensionView | undefined {
  const rule = status?.workflow?.extension;
  return rule === undefined
    ? undefined
    : {
        count: Math.max(status?.extensionCount ?? 0, spec.extensionCount ?? 0),
        maxCount: rule.maxCount,
        durationSeconds: rule.durationSeconds,
      };
}
