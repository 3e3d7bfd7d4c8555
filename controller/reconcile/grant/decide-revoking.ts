import { getCondition, type ConditionInput, type GrantStatusEnd } from "#kinds/index.ts";
import { notOwnedMessage } from "./decide-live.ts";
import { refuse } from "./decide-pending.ts";
import { disposalOf } from "./disposal.ts";
import { phaseOf } from "./phase.ts";
import { endedAs, revocationFailed, revoking, stalled } from "./situations.ts";
import { isOwnSet } from "./tags.ts";
import { tombstoneSteps } from "./tombstone.ts";
import type { Action, Decision, EndCause, GrantInput, GrantPatch } from "./types.ts";
import { formatTime } from "./window.ts";

/**
 * How long after the end SSM sessions are still looked for. Session Manager makes every client reconnect within an hour,
 * which it cannot do without its role; ten minutes more cover clocks.
 */
export const sessionsOutliveEndMaxMs = 70 * 60_000;

/** The end: it is put on record first, which is also how the proxies learn of it; taking away follows at once. */
export function decideEnd(input: GrantInput, cause: EndCause): Decision {
  const { grant, now } = input;
  if (phaseOf(grant) === "Pending") {
    return decideEndUngiven(input, cause);
  }
  const endTime = formatTime(Math.min(cause.at ?? now, now));
  const { reason, message } = cause;
  return {
    patch: { end: { reason, message, time: endTime }, endTime },
    conditions: revoking(message),
    actions: [],
    onFailure: "goOn",
    next: { kind: "again" },
  };
}

/** Nothing was ever given: there is nothing to take away. */
function decideEndUngiven(input: GrantInput, cause: EndCause): Decision {
  const { grant, now } = input;
  if (grant.metadata.deletionTimestamp !== undefined) {
    return done([], {}, [{ kind: "Release" }]);
  }
  if (cause.reason === "Expired") {
    const refusal = refuse(
      grant,
      "NotAfterTimePassed",
      `spec.notAfterTime (${grant.spec.notAfterTime}) has passed before the access became live. Ask again with a later one, under another name.`,
    );
    const disposal = disposalOf(input, Date.parse(grant.spec.notAfterTime));
    return disposal.next.kind === "settled" && disposal.actions.length === 0 ? refusal : { ...refusal, ...disposal };
  }
  const { reason, message } = cause;
  const time = formatTime(now);
  // What is over is looked at once more, for when it is to be deleted.
  const next: Decision["next"] =
    grant.spec.ttlSecondsAfterFinished === undefined ? { kind: "settled" } : { kind: "again" };
  const decision = done(
    endedAs(reason, message),
    {
      end: { reason, message, time },
      endTime: time,
      deprovisionTime: time,
      observedGeneration: grant.metadata.generation ?? 0,
    },
    tombstoneSteps(input),
  );
  return { ...decision, next };
}

/**
 * Takes away what was given, from status alone and without a look, in the order of DESIGN section 3: sessions, assignment,
 * sessions once more, permission set, record. Each step may be done again at any time, and AWS refuses to delete a set that anybody
 * is assigned to, so its deletion is the proof. A step that fails does not keep the next from being tried; only the deletion of
 * the set waits for the assignment's, and the record for all.
 */
export function decideRevoking(input: GrantInput): Decision {
  const { grant, aws, failure, installation } = input;
  const { external, end } = grant.status ?? {};
  if (external === undefined) {
    return revokingSteps(input, [{ kind: "RecordDeprovisioned" }]);
  }
  const { permissionSetARN, accountID, principalID, operation } = external;
  if (aws !== undefined && aws.set === undefined) {
    return decideGone(input);
  }
  if (permissionSetARN === undefined) {
    if (aws?.set === undefined) {
      const decision = revokingSteps(input, tombstoneSteps(input));
      return failure === undefined ? decision : { ...decision, next: { kind: "failed", error: failure } };
    }
    // Ours are tagged from their creation on. One of the name that is not and was never on record is somebody else's.
    if (!isOwnSet(aws.set.tags, installation, grant.metadata.uid ?? "")) {
      return leaveForeignSet(input);
    }
  }
  const patch: GrantPatch =
    permissionSetARN === undefined && aws?.set !== undefined
      ? { external: { ...external, permissionSetARN: aws.set.arn } }
      : {};
  const sessions = sessionSteps(input);
  const unassign: Action[] = [{ kind: "DeleteAssignment", accountID, principalID }, ...tagEnded(end), awaitOperation];
  const rest: Action[] = [{ kind: "DeletePermissionSet" }, { kind: "RecordDeprovisioned" }];
  const isUnassigning = operation?.kind === "DeleteAssignment";
  // Known from AWS's own answer, a moment ago: only what is left is tried again.
  const isUnassigned = operation === undefined && permissionSetARN !== undefined && aws?.assigned === false;
  const steps: Action[] =
    isUnassigning || isUnassigned
      ? [awaitOperation, ...sessions, ...rest]
      : // What AWS is still setting up must come to its end before it can be taken away; sessions need not wait for that.
        [...sessions, ...(operation === undefined ? [] : [awaitOperation]), ...unassign, ...rest];
  return { ...revokingSteps(input, [...tombstoneSteps(input), ...steps]), patch };
}

/** AWS shows no set. That counts once it could not be hidden any more. */
function decideGone(input: GrantInput): Decision {
  const { now, unsettledUntil = now } = input;
  if (now < unsettledUntil) {
    const decision = revokingSteps(input, tombstoneSteps(input));
    return { ...decision, next: { kind: "waiting", untilMs: unsettledUntil, why: "AWS to show what it holds" } };
  }
  const steps: Action[] = [...sessionSteps(input), { kind: "RecordDeprovisioned" }];
  return revokingSteps(input, [...tombstoneSteps(input), ...steps]);
}

/** The assignment is gone, and with it the access; what is left is not marked as ours, so it stays. */
function leaveForeignSet(input: GrantInput): Decision {
  const { grant } = input;
  const message = notOwnedMessage(grant);
  return {
    patch: { observedGeneration: grant.metadata.generation ?? 0 },
    conditions: stalled("NotOwned", message),
    actions: tombstoneSteps(input),
    onFailure: "goOn",
    next: { kind: "refused", reason: "NotOwned", message },
  };
}

/** Nothing is left. A deleted object goes now. */
export function decideEnded(input: GrantInput): Decision {
  const { grant } = input;
  const { end } = grant.status ?? {};
  if (grant.metadata.deletionTimestamp !== undefined) {
    return done([], {}, [...tombstoneSteps(input), { kind: "Release" }]);
  }
  const disposal = disposalOf(input, Date.parse(grant.status?.deprovisionTime ?? ""));
  const conditions = endedAs(end?.reason ?? "Revoked", end?.message ?? "");
  return { ...done(conditions, { observedGeneration: grant.metadata.generation ?? 0 }, []), ...disposal };
}

const awaitOperation: Action = { kind: "AwaitOperation" };

/**
 * A recovered state must know that this grant has ended. It comes after the deletion was asked for, which it must not delay. The end
 * of a window stands in the tags already.
 */
function tagEnded(end: GrantStatusEnd | undefined): Action[] {
  return end === undefined || end.reason === "Expired"
    ? []
    : [{ kind: "TagEnded", endTime: end.time, reason: end.reason }];
}

function revokingSteps(input: GrantInput, actions: readonly Action[]): Decision {
  return { patch: {}, conditions: revokingConditions(input), actions, onFailure: "goOn", next: { kind: "again" } };
}

/** A retry is not news: the failure stays shown until everything is confirmed. */
function revokingConditions({ grant }: GrantInput): ConditionInput[] {
  const ready = getCondition(grant.status?.conditions, "Ready");
  return ready?.reason === "RevocationFailed"
    ? revocationFailed(ready.message, false)
    : revoking(grant.status?.end?.message ?? "");
}

function sessionSteps({ grant, now }: GrantInput): Action[] {
  const { grantID = "", principal, endTime } = grant.status ?? {};
  const isOver = endTime !== undefined && now > Date.parse(endTime) + sessionsOutliveEndMaxMs;
  return isOver || principal === undefined
    ? []
    : [{ kind: "TerminateSessions", userName: principal.userName, permissionSetName: grantID }];
}

function done(conditions: readonly ConditionInput[], patch: GrantPatch, actions: readonly Action[]): Decision {
  return { patch, conditions, actions, onFailure: "stop", next: { kind: "settled" } };
}
