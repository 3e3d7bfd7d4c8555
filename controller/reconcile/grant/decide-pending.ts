import {
  specDigest,
  type AccessWorkflow,
  type Availability,
  type ConditionInput,
  type Grant,
  type GrantStatusTarget,
  type GrantStatusWorkflow,
  type Proxy,
} from "#kinds/index.ts";
import { reviewDigest } from "#kinds/digest.ts";
import { defined } from "#lib/defined.ts";
import { identityCondition } from "../../admission/condition.ts";
import type { StoreUser } from "../../aws/ports.ts";
import { approvalProgress, type ApprovalProgress, type StepProgress } from "./approval.ts";
import { isNamedAs } from "./names.ts";
import { resolveOffer, subjectsOf } from "./offers.ts";
import { isSessionName } from "./policy.ts";
import { checkReason } from "./reason.ts";
import { type ApprovalKind, pendingApproval, provisioning, stalled, suspended, waiting } from "./situations.ts";
import { resolveTarget } from "./target.ts";
import type { Decision, GrantInput, GrantPatch } from "./types.ts";
import { formatTime } from "./window.ts";

/**
 * Whether access was given under this name before, so that a Grant that has been given nothing opens nothing; no lookup can change
 * that. Under its own uid as well: its tombstone comes after the record of what was approved, so that record was lost (an etcd
 * that was set back, a status that was emptied), and no clock may start again.
 */
export function hasEndedBefore({ tombstone }: GrantInput): boolean {
  return tombstone !== undefined;
}

/** Nothing is approved yet: checks the request from what needs no lookup to what needs most, and approves it. */
export function decidePending(input: GrantInput): Decision {
  const { grant, tombstone } = input;
  const { spec } = grant;
  if (tombstone !== undefined) {
    const what =
      tombstone.uid === grant.metadata.uid
        ? "The status of this Grant was lost; it"
        : "A Grant of this name has ended and";
    return refuse(
      grant,
      "PreviouslyEnded",
      `${what} may not come back before ${tombstone.notAfterTime}. Ask again under another name.`,
    );
  }
  if (spec.urgency === "BreakGlass") {
    const unproven = whyUnproven(input);
    if (unproven !== undefined) {
      return refuse(grant, unproven.reason, unproven.message);
    }
  }
  if (spec.suspend === true) {
    return { ...waitForChange(grant, "suspended", suspended()), patch: { observedGeneration: generationOf(grant) } };
  }
  const references = checkReferences(input);
  if ("decision" in references) {
    return references.decision;
  }
  const { target, proxy } = references;
  const person = checkPerson(input);
  if ("decision" in person) {
    return person.decision;
  }
  const offer = resolveOffer({ userName: person.user.userName, groups: person.groups }, spec, input);
  if (offer.kind === "missingWorkflow") {
    return waitForChange(grant, "a missing workflow", waiting("ReferenceNotFound", offer.message));
  }
  if (offer.kind === "notAvailable") {
    return refuse(grant, "NotAvailable", offer.message);
  }
  const refusal = checkRules(grant, offer.workflow);
  if (refusal !== undefined) {
    return refusal;
  }
  const approved = { ...offer, target, proxy, ...person };
  if (spec.urgency === "BreakGlass") {
    return decideBreakGlass(input, approved);
  }
  const { approvalSteps = [] } = offer.workflow.spec;
  if (approvalSteps.length === 0) {
    return approve(input, approved, "Automatic");
  }
  const digest = reviewDigest(grant, { ...offer, availability: offer.availability.metadata.name, target });
  const progress = approvalProgress(grant, offer.workflow, digest);
  return progress.isApproved
    ? approve(input, approved, "Reviewed")
    : awaitApproval(input, offer.workflow, digest, progress);
}

/** What an approval pins, and what it rests on. */
interface Approved {
  readonly availability: Availability;
  readonly workflow: AccessWorkflow;
  readonly target: GrantStatusTarget;
  readonly proxy: Proxy;
  readonly user: StoreUser;
  /** Display names of the person's groups. */
  readonly groups: readonly string[];
}

/** Skips the steps, for whom the workflow lets. Who asks is proven by now, and that it is for themselves. */
function decideBreakGlass(input: GrantInput, approved: Approved): Decision {
  const { grant } = input;
  const { name } = approved.workflow.metadata;
  const { subjects = [] } = approved.workflow.spec.breakGlass ?? {};
  if (subjectsOf(subjects, { userName: approved.user.userName, groups: approved.groups }).length === 0) {
    const message = `The AccessWorkflow ${name} does not let ${approved.user.userName} skip its approval steps. Ask for the access without spec.urgency.`;
    return refuse(grant, "BreakGlassNotAllowed", message);
  }
  if ((grant.spec.reason?.trim() ?? "") === "") {
    return refuse(grant, "ReasonRequired", "Break-glass access needs a reason: set spec.reason.");
  }
  return approve(input, approved, "BreakGlass");
}

/** Writes down what was approved and all that revoking needs, before anything is given. */
function approve({ grant, now }: GrantInput, approved: Approved, approvalKind: NonNullable<ApprovalKind>): Decision {
  const { availability, target, proxy, user, groups } = approved;
  const { ecs, identityCenter } = proxy.spec;
  const subject = { userName: user.userName, groups };
  const patch: GrantPatch = {
    approvalTime: formatTime(now),
    approvalKind,
    availability: {
      name: availability.metadata.name,
      subjects: subjectsOf(availability.spec.subjects, subject).slice(0, pinnedSubjectsMax),
    },
    workflow: pinnedWorkflow(grant, approved, approvalKind),
    principal: { userID: user.userID, userName: user.userName },
    target,
    external: {
      instanceARN: identityCenter.instanceARN,
      identityStoreID: identityCenter.identityStoreID,
      region: identityCenter.region,
      accountID: ecs.accountID,
      taskRegion: ecs.region,
      principalID: user.userID,
      ...(ecs.assumeRoleARN === undefined ? {} : { assumeRoleARN: ecs.assumeRoleARN }),
      ...(ecs.externalID === undefined ? {} : { externalID: ecs.externalID }),
    },
  };
  return {
    patch,
    conditions: provisioning("Access is being set up in AWS.", approvalKind),
    actions: [],
    onFailure: "stop",
    next: { kind: "again" },
  };
}

/** Subjects that are pinned of each list (crds/grant.yaml): the record must fit into the tags of a permission set. */
const pinnedSubjectsMax = 4;

/** The rules that hold from the approval on, whatever becomes of the workflow. */
function pinnedWorkflow(
  { spec }: Grant,
  { workflow, user, groups }: Approved,
  approvalKind: NonNullable<ApprovalKind>,
): GrantStatusWorkflow {
  const { maxDurationSeconds, extension, breakGlass } = workflow.spec;
  const { maxCount = 0, durationSeconds = spec.durationSeconds, afterPercent } = extension ?? {};
  const rule = { maxCount, durationSeconds, ...defined({ afterPercent }) };
  const subjects = subjectsOf(breakGlass?.subjects ?? [], { userName: user.userName, groups });
  return {
    name: workflow.metadata.name,
    generation: workflow.metadata.generation ?? 0,
    digest: specDigest(workflow),
    maxDurationSeconds,
    ...(extension === undefined ? {} : { extension: rule }),
    ...(approvalKind === "BreakGlass" ? { breakGlassSubjects: subjects.slice(0, pinnedSubjectsMax) } : {}),
  };
}

function checkReferences(
  input: GrantInput,
): { readonly decision: Decision } | { readonly target: GrantStatusTarget; readonly proxy: Proxy } {
  const { grant, database, proxy } = input;
  const missing = (what: string): { decision: Decision } => ({
    decision: waitForChange(
      grant,
      "a missing object",
      waiting("ReferenceNotFound", `${what} does not exist in this namespace.`),
    ),
  });
  if (database === undefined) {
    return missing(`The Database ${grant.spec.databaseRef.name}`);
  }
  if (proxy === undefined) {
    return missing(`The Proxy ${database.spec.proxyRef.name} of the Database ${database.metadata.name}`);
  }
  const resolution = resolveTarget(database, proxy, grant.spec.roleName);
  switch (resolution.kind) {
    case "noRole":
      return { decision: refuse(grant, "RoleNotFound", resolution.message) };
    case "unresolved":
      return {
        decision: waitForChange(grant, "the database's address", waiting("DatabaseNotReady", resolution.message)),
      };
    default:
      return { target: resolution.target, proxy };
  }
}

function checkPerson({
  grant,
  person,
}: GrantInput): { readonly decision: Decision } | { readonly user: StoreUser; readonly groups: readonly string[] } {
  const { name } = grant.spec.principal;
  const user = person?.user;
  if (user === undefined) {
    const message = `Nobody in the identity store has the user name ${name}. Create the Grant for an existing user name, or add the person in IAM Identity Center.`;
    return { decision: refuse(grant, "PrincipalNotFound", message) };
  }
  if (user.status === "DISABLED") {
    const message = `${name} is disabled in the identity store. Enable the person in IAM Identity Center, or delete the Grant.`;
    return { decision: refuse(grant, "PrincipalDisabled", message) };
  }
  if (!isSessionName(user.userName)) {
    const message = `The user name ${user.userName} cannot name an AWS role session: 2 to 64 letters, digits and _+=,.@- are allowed. Rename the person in IAM Identity Center.`;
    return { decision: refuse(grant, "PrincipalNameNotUsable", message) };
  }
  return { user, groups: person?.groups ?? [] };
}

function checkRules(grant: Grant, workflow: AccessWorkflow): Decision | undefined {
  const { spec } = grant;
  const { maxDurationSeconds, reasonPolicy } = workflow.spec;
  if (spec.durationSeconds > maxDurationSeconds) {
    return refuse(
      grant,
      "DurationTooLong",
      `${spec.durationSeconds} s were asked for; the AccessWorkflow ${workflow.metadata.name} allows at most ${maxDurationSeconds} s. Lower spec.durationSeconds.`,
    );
  }
  const reason = checkReason(spec.reason, reasonPolicy);
  return reason === undefined ? undefined : refuse(grant, reason.reason, reason.message);
}

/** Says what is decided on, and waits for the reviewers. */
function awaitApproval(
  { grant, now, identity }: GrantInput,
  workflow: AccessWorkflow,
  digest: string,
  { steps }: ApprovalProgress,
): Decision {
  const { name } = workflow.metadata;
  const seconds = workflow.spec.approvalDeadlineSeconds;
  const requested = Date.parse(grant.status?.requestTime ?? formatTime(now));
  const deadline = seconds === undefined ? undefined : requested + seconds * 1_000;
  const review = {
    digest,
    workflow: name,
    ...(deadline === undefined ? {} : { deadlineTime: formatTime(deadline) }),
  };
  const conditions = pendingApproval(
    `The AccessWorkflow ${name} asks for approval: ${steps.map(describeStep).join(", ")}.${staleApprovals(grant, digest)}`,
  );
  const trust = identity === undefined ? [] : identityCondition(identity);
  const decision = { ...waitForChange(grant, "approval", [...conditions, ...trust], deadline), patch: { review } };
  // What the deadline comes to is decided by what is on record.
  return deadline !== undefined && now >= deadline ? { ...decision, next: { kind: "again" } } : decision;
}

function describeStep({ step, approvals, required, isApproved }: StepProgress): string {
  if (isApproved) {
    return `${step.name} (approved by ${approvals.map(({ reviewer }) => reviewer).join(" and ")})`;
  }
  return required === 1 ? step.name : `${step.name} (${approvals.length} of ${required})`;
}

function staleApprovals({ status }: Grant, digest: string): string {
  const isStale = status?.approvals?.some((entry) => entry.decision === "Approve" && entry.digest !== digest) === true;
  return isStale ? " What was approved earlier has changed since, so those approvals do not count." : "";
}

/** Who skips the approval must be a person who is known to have asked, for themselves; undefined where that is so. */
function whyUnproven({
  requester,
  grant,
}: GrantInput): { readonly reason: string; readonly message: string } | undefined {
  const unverified = (message: string) => ({ reason: "RequesterNotVerified", message });
  const { name } = grant.spec.principal;
  if (requester === undefined) {
    return unverified("Break-glass access is given only to whoever is known to ask for it, which is not known here.");
  }
  switch (requester.kind) {
    case "unproven":
      return unverified(`Break-glass access is given only to whoever is known to ask for it. ${requester.message}`);
    case "pipeline":
      return unverified(
        "Break-glass access is given only to a person who asks for it, and a pipeline brought this Grant. Ask through the control API.",
      );
    default:
      return isNamedAs(requester.username, name)
        ? undefined
        : {
            reason: "BreakGlassForAnother",
            message: `${requester.username} asked for access of ${name}. Nobody can skip the approval for somebody else.`,
          };
  }
}

/** Ends the attempt until a person changes something. */
export function refuse(grant: Grant, reason: string, message: string): Decision {
  return {
    patch: { observedGeneration: generationOf(grant) },
    conditions: stalled(reason, message),
    actions: [],
    onFailure: "stop",
    next: { kind: "refused", reason, message },
  };
}

/** Waits for another object or a person, at most until the Grant can no longer become access. */
function waitForChange(grant: Grant, why: string, conditions: readonly ConditionInput[], untilMs = Infinity): Decision {
  return {
    patch: {},
    conditions,
    actions: [],
    onFailure: "stop",
    next: {
      kind: "waiting",
      untilMs: Math.min(untilMs, Date.parse(grant.spec.notAfterTime)),
      why,
      priority: "change",
    },
  };
}

function generationOf(grant: Grant): number {
  return grant.metadata.generation ?? 0;
}
