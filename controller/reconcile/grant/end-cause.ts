import { specDigest, type AccessWorkflow, type Grant, type GrantStatusWorkflow } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import { denialOf } from "./approval.ts";
import { lostEntitlement } from "./entitlement.ts";
import { phaseOf } from "./phase.ts";
import { endFromTags, isOwnSet } from "./tags.ts";
import { targetChange } from "./target.ts";
import type { EndCause, GrantInput } from "./types.ts";
import { currentExpiry, formatTime } from "./window.ts";

/**
 * Why the Grant must end, as far as the Grant itself tells: deletion, revocation, time. It needs no other object and no
 * answer of AWS, so that nothing can keep it from being seen. Undefined while it may go on.
 */
export function ownEndCause(grant: Grant, now: EpochMs): EndCause | undefined {
  const { metadata, spec, status } = grant;
  if (spec.revocation !== undefined) {
    return { reason: "Revoked", message: `The access was revoked: ${spec.revocation.reason}` };
  }
  if (status?.endRequest !== undefined) {
    const { by, reason } = status.endRequest;
    return phaseOf(grant) === "Pending"
      ? { reason: "Cancelled", message: `The request was cancelled by ${by}: ${reason}` }
      : { reason: "Revoked", message: `The access was revoked by ${by}: ${reason}` };
  }
  const approval = approvalEndCause(grant, now);
  if (approval !== undefined) {
    return approval;
  }
  const expiry = currentExpiry(grant) ?? Date.parse(spec.notAfterTime);
  if (now >= expiry) {
    return { reason: "Expired", message: `The access ended at ${formatTime(expiry)}.`, at: expiry };
  }
  if (metadata.deletionTimestamp !== undefined) {
    return { reason: "Deleted", message: "The Grant was deleted." };
  }
  return undefined;
}

/** Somebody denied, which is final whatever else is on record, or nobody approved in time. */
function approvalEndCause(grant: Grant, now: EpochMs): EndCause | undefined {
  const denial = denialOf(grant);
  if (denial !== undefined) {
    const { reviewer, step, comment } = denial;
    const words = comment === undefined || comment === "" ? "." : `: ${comment}`;
    return { reason: "Denied", message: `${reviewer} denied the access at the step ${step}${words}` };
  }
  const { review, approvalTime, external } = grant.status ?? {};
  const isDecided = approvalTime !== undefined || external !== undefined;
  const deadline = isDecided ? Number.NaN : Date.parse(review?.deadlineTime ?? "");
  return now >= deadline
    ? {
        reason: "ApprovalDeadlinePassed",
        message: `Not all steps were approved by ${formatTime(deadline)}, as the AccessWorkflow ${review?.workflow ?? ""} demands. Ask again under another name.`,
      }
    : undefined;
}

/** Why the Grant must end by all that is known now: itself, what was approved, and the person. */
export function endCause(input: GrantInput): EndCause | undefined {
  return (
    ownEndCause(input.grant, input.now) ?? taggedEndCause(input) ?? approvedEndCause(input) ?? personEndCause(input)
  );
}

/** Its set says that it has ended: the status that said so was lost. Only when AWS was looked at. */
function taggedEndCause({ aws, grant, installation, now }: GrantInput): EndCause | undefined {
  const tags = aws?.set?.tags ?? {};
  const { end } = isOwnSet(tags, installation, grant.metadata.uid ?? "") ? endFromTags(tags, now) : {};
  return end === undefined ? undefined : { reason: end.reason, message: end.message, at: Date.parse(end.time) };
}

/** What was approved is no longer what is there. Only once something was approved. */
function approvedEndCause({ grant, database, proxy, workflows, now }: GrantInput): EndCause | undefined {
  const { target, workflow, approvalTime, activationTime } = grant.status ?? {};
  if (target !== undefined) {
    const change = targetChange(target, database, proxy);
    if (change !== undefined) {
      return { reason: "TargetChanged", message: `What was approved has changed: ${change}` };
    }
  }
  const current = workflows.find((other) => other.metadata.name === workflow?.name);
  // A workflow that is gone cannot have been loosened; only a changed one is another rule than the approved.
  if (workflow !== undefined && current !== undefined && isChanged(workflow, current)) {
    return {
      reason: "WorkflowChanged",
      message: `The AccessWorkflow ${workflow.name} was changed after it approved the access. Ask again under the new rules.`,
    };
  }
  const deadline = current?.spec.activationDeadlineSeconds;
  if (approvalTime !== undefined && activationTime === undefined && deadline !== undefined) {
    const begun = Math.max(Date.parse(approvalTime), Date.parse(grant.spec.startTime ?? approvalTime));
    const latest = begun + deadline * 1_000;
    if (now >= latest) {
      return {
        reason: "ActivationDeadlinePassed",
        message: `The access did not become live by ${formatTime(latest)}, as the workflow demands.`,
      };
    }
  }
  return undefined;
}

/** By digest: generations start over when a source has lost its state, and a change that was taken back is none. */
function isChanged(approved: GrantStatusWorkflow, current: AccessWorkflow): boolean {
  return approved.digest === undefined
    ? (current.metadata.generation ?? 0) !== approved.generation
    : specDigest(current) !== approved.digest;
}

/** The pinned person is gone, disabled, renamed, or out of the groups that entitled them. Only when they were looked up by their ID. */
function personEndCause(input: GrantInput): EndCause | undefined {
  const { grant, person } = input;
  const pinned = grant.status?.principal;
  if (pinned === undefined || person === undefined) {
    return undefined;
  }
  const { user } = person;
  if (user === undefined) {
    return { reason: "PrincipalGone", message: `${pinned.userName} is no longer in the identity store.` };
  }
  if (user.status === "DISABLED") {
    return { reason: "PrincipalDisabled", message: `${pinned.userName} was disabled in the identity store.` };
  }
  if (user.userName !== pinned.userName) {
    return {
      reason: "PrincipalRenamed",
      message: `${pinned.userName} is called ${user.userName} in the identity store now. Ask again under that name.`,
    };
  }
  const lost = lostEntitlement(grant, { userName: user.userName, groups: person.groups }, input);
  return lost === undefined ? undefined : { reason: "PrincipalNotEntitled", message: lost };
}
