import { getCondition, type ConditionInput, type GrantStatusEnd } from "#kinds/index.ts";
import { notOwnedMessage } from "./decide-live.ts";
import { refuse } from "./decide-pending.ts";
import { phaseOf } from "./phase.ts";
import { ended, revocationFailed, revoking, stalled } from "./situations.ts";
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
    return refuse(
      grant,
      "NotAfterTimePassed",
      `spec.notAfterTime (${grant.spec.notAfterTime}) has passed before the access became live. Ask again with a later one, under another name.`,
    );
  }
  const { reason, message } = cause;
  const time = formatTime(now);
  return done(
    ended(reason, message),
    {
      end: { reason, message, time },
      endTime: time,
      deprovisionTime: time,
      observedGeneration: grant.metadata.generation ?? 0,
    },
    tombstoneSteps(input),
  );
}

/**
 * Takes away what was given, from status alone, in the order of DESIGN section 3: sessions, assignment, sessions once more,
 * permission set, record. A step that fails does not keep the next from being tried; only the record waits for all.
 */
export function decideRevoking(input: GrantInput): Decision {
  const { grant, aws, failure, installation } = input;
  const { external, end, grantID = "" } = grant.status ?? {};
  if (external === undefined) {
    return revokingSteps(input, [{ kind: "RecordDeprovisioned" }]);
  }
  const sessions = sessionSteps(input);
  const { accountID, principalID, operation } = external;
  const unassign: Action[] = [{ kind: "DeleteAssignment", accountID, principalID }];
  if (operation !== undefined) {
    if (operation.kind === "DeleteAssignment") {
      return revokingSteps(input, [...tombstoneSteps(input), awaitOperation]);
    }
    // What AWS is still setting up must come to its end before it can be taken away; sessions need not wait for that.
    return revokingSteps(input, [...tombstoneSteps(input), ...sessions, awaitOperation, ...unassign, awaitOperation]);
  }
  if (aws === undefined) {
    // Could not be looked at: what is on record is taken away all the same, except the set, whose tags must be seen.
    const known = external.permissionSetARN === undefined ? [] : [...sessions, ...unassign, awaitOperation];
    const decision = revokingSteps(input, [...tombstoneSteps(input), ...known]);
    return failure === undefined ? decision : { ...decision, next: { kind: "failed", error: failure } };
  }
  if (aws.set === undefined) {
    return revokingSteps(input, [...tombstoneSteps(input), ...sessions, { kind: "RecordDeprovisioned" }]);
  }
  const isOwn = isOwnSet(aws.set.tags, installation, grant.metadata.uid ?? "");
  // Ours are tagged from their creation on. Without the tags it is ours only where its ARN is on record: tags were taken off.
  const wasOurs = external.permissionSetARN === aws.set.arn && aws.set.name === grantID;
  if (!isOwn && !(wasOurs && aws.assigned)) {
    return leaveForeignSet(input);
  }
  const patch: GrantPatch =
    external.permissionSetARN === aws.set.arn ? {} : { external: { ...external, permissionSetARN: aws.set.arn } };
  const actions: Action[] = aws.assigned
    ? [...sessions, ...unassign, ...tagEnded(isOwn, end), awaitOperation]
    : [...sessions, { kind: "DeletePermissionSet" }, { kind: "RecordDeprovisioned" }];
  return { ...revokingSteps(input, [...tombstoneSteps(input), ...actions]), patch };
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
  return done(
    ended(end?.reason ?? "Revoked", end?.message ?? ""),
    { observedGeneration: grant.metadata.generation ?? 0 },
    [],
  );
}

const awaitOperation: Action = { kind: "AwaitOperation" };

/** A recovered state must know that this grant has ended. It comes after the deletion was asked for, which it must not delay. */
function tagEnded(isOwn: boolean, end: GrantStatusEnd | undefined): Action[] {
  return isOwn && end !== undefined ? [{ kind: "TagEnded", endTime: end.time, reason: end.reason }] : [];
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
