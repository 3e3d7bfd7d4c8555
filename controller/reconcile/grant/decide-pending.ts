import {
  specDigest,
  type AccessWorkflow,
  type Availability,
  type ConditionInput,
  type Grant,
  type GrantStatusTarget,
  type Proxy,
} from "#kinds/index.ts";
import { identityCondition } from "../../admission/condition.ts";
import type { StoreUser } from "../../aws/ports.ts";
import { resolveOffer } from "./offers.ts";
import { isSessionName } from "./policy.ts";
import { checkReason } from "./reason.ts";
import { pendingApproval, provisioning, stalled, suspended, waiting } from "./situations.ts";
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
  const { grant, tombstone, now } = input;
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
      return refuse(grant, "RequesterNotVerified", unproven);
    }
    return refuse(
      grant,
      "BreakGlassNotSupported",
      "This version of Sallyport does not give break-glass access yet. Create a Grant without spec.urgency.",
    );
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
  if ((offer.workflow.spec.approvalSteps?.length ?? 0) > 0) {
    return awaitApproval(input, offer.workflow);
  }
  const start = spec.startTime === undefined ? now : Date.parse(spec.startTime);
  if (start > now) {
    const conditions = waiting("Scheduled", `The access starts at ${formatTime(start)}.`);
    return waitForChange(grant, "the start time", conditions, start);
  }
  return approve(input, { ...offer, target, proxy, user: person.user });
}

/** Writes down what was approved and all that revoking needs, before anything is given. */
function approve(
  { grant, now }: GrantInput,
  approved: {
    readonly availability: Availability;
    readonly workflow: AccessWorkflow;
    readonly target: GrantStatusTarget;
    readonly proxy: Proxy;
    readonly user: StoreUser;
  },
): Decision {
  const { availability, workflow, target, proxy, user } = approved;
  const { ecs, identityCenter } = proxy.spec;
  const { extension } = workflow.spec;
  const patch: GrantPatch = {
    approvalTime: formatTime(now),
    availability: { name: availability.metadata.name },
    workflow: {
      name: workflow.metadata.name,
      generation: workflow.metadata.generation ?? 0,
      digest: specDigest(workflow),
      maxDurationSeconds: workflow.spec.maxDurationSeconds,
      ...(extension === undefined
        ? {}
        : {
            extension: {
              maxCount: extension.maxCount,
              durationSeconds: extension.durationSeconds ?? grant.spec.durationSeconds,
            },
          }),
    },
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
    conditions: provisioning("Access is being set up in AWS."),
    actions: [],
    onFailure: "stop",
    next: { kind: "again" },
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

function awaitApproval({ grant, now, identity }: GrantInput, workflow: AccessWorkflow): Decision {
  const { name } = workflow.metadata;
  const seconds = workflow.spec.approvalDeadlineSeconds;
  const requested = Date.parse(grant.status?.requestTime ?? formatTime(now));
  const deadline = seconds === undefined ? undefined : requested + seconds * 1_000;
  if (deadline !== undefined && now >= deadline) {
    return refuse(
      grant,
      "ApprovalDeadlinePassed",
      `Nobody approved the access by ${formatTime(deadline)}, as the AccessWorkflow ${name} demands. Ask again under another name.`,
    );
  }
  const steps = workflow.spec.approvalSteps?.map((step) => step.name).join(", ") ?? "";
  const conditions = pendingApproval(`The AccessWorkflow ${name} asks for approval: ${steps}.`);
  const trust = identity === undefined ? [] : identityCondition(identity);
  return waitForChange(grant, "approval", [...conditions, ...trust], deadline);
}

/** Who skips the approval must be a person who is known to have asked; undefined where that is so. */
function whyUnproven({ requester }: GrantInput): string | undefined {
  switch (requester?.kind) {
    case "unproven":
      return `Break-glass access is given only to whoever is known to ask for it. ${requester.message}`;
    case "pipeline":
      return "Break-glass access is given only to a person who asks for it, and a pipeline brought this Grant. Ask through the control API.";
    default:
      return undefined;
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
