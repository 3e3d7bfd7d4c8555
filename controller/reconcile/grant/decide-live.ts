import { getCondition, type ConditionInput, type Grant, type Proxy } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import type { AwsFailure } from "../../aws/ports.ts";
import { refuse } from "./decide-pending.ts";
import { permissionSetDescription } from "./description.ts";
import { policyFor, samePolicy } from "./policy.ts";
import {
  drifted,
  expiring,
  extensionEarly,
  extensionGiven,
  extensionRefused,
  live,
  notExpiring,
  provisioning,
  failureMessage,
  isRetryReason,
  retrying,
  scheduled,
  suspended,
} from "./situations.ts";
import { creationTags, isOwnSet, tagKeys } from "./tags.ts";
import { tombstoneSteps } from "./tombstone.ts";
import type { Action, AwsObservation, Decision, GrantInput } from "./types.ts";
import {
  askedExtensions,
  currentExpiry,
  expiryNoticeTime,
  followWindow,
  formatTime,
  storedWindow,
  type WindowDecision,
} from "./window.ts";

/**
 * One hour, the least that Identity Center takes. Credentials may so outlive a shorter grant; the proxy and the deleted
 * assignment end the access, not their expiry.
 */
export const sessionDuration = "PT1H";

/** Seconds between looks at AWS for a live Grant whose Proxy states none. */
export const driftCheckPeriodSecondsDefault = 300;
/** A live Grant whose look at AWS failed is looked at again after this long, so that its end is never behind a back-off. */
export const liveRetryMs = 30_000;

/** Approved, not live yet: sets up what is missing, then opens the window. */
export function decideProvisioning(input: GrantInput): Decision {
  const { grant, aws, installation, proxy } = input;
  if (grant.spec.suspend === true) {
    return steps(suspended(), [], {
      kind: "waiting",
      untilMs: Date.parse(grant.spec.notAfterTime),
      why: "suspended",
      priority: "change",
    });
  }
  if (isForeign(input)) {
    return refuse(grant, "NotOwned", notOwnedMessage(grant));
  }
  const { grantID = "", approvalKind } = grant.status ?? {};
  if (isScheduled(grant, input.now)) {
    const start = Date.parse(grant.spec.startTime ?? "");
    return steps(scheduled(`Approved. The access starts at ${formatTime(start)}.`, approvalKind), [], {
      kind: "waiting",
      untilMs: Math.min(start, Date.parse(grant.spec.notAfterTime)),
      why: "the start time",
      priority: "change",
    });
  }
  const inFlight = grant.status?.external?.operation !== undefined;
  if (!inFlight && (aws === undefined || proxy === undefined)) {
    // Nothing may be taken for granted unseen: what is missing in AWS is not known.
    return steps([], [], { kind: "waiting", untilMs: input.now + liveRetryMs, why: "a look at AWS" });
  }
  const setUp: Action[] =
    aws === undefined || proxy === undefined
      ? [{ kind: "AwaitOperation" }]
      : setUpSteps(grant, aws, proxy, installation);
  const { durationSeconds, notAfterTime } = grant.spec;
  return steps(
    keepRetrying(grant, provisioning("Access is being set up in AWS.", approvalKind)),
    [
      ...setUp,
      { kind: "ReadRole", permissionSetName: grantID },
      // Before anything is live: notAfterTime may move earlier later, and whoever takes that back must not open access again.
      ...tombstoneSteps(input),
      { kind: "Activate", durationSeconds, notAfterTime },
    ],
    { kind: "again" },
  );
}

/** Live: follows the window, and repairs or reports what AWS holds otherwise. Its end is decided before this. */
export function decideLive(input: GrantInput): Decision {
  const { grant, proxy, checkedAt, now } = input;
  const { status } = grant;
  const followed = followWindow(grant, now);
  const stored = storedWindow(status);
  const window = followed?.window ?? stored ?? { expiry: now, extensionCount: 0 };
  if (window.expiry !== stored?.expiry || window.extensionCount !== stored.extensionCount) {
    const expiryTime = formatTime(window.expiry);
    return steps([], [{ kind: "MoveExpiry", expiryTime, extensionCount: window.extensionCount }], { kind: "again" });
  }
  if (status?.external?.operation !== undefined) {
    return steps([], [{ kind: "AwaitOperation" }, { kind: "ReadRole", permissionSetName: status.grantID ?? "" }], {
      kind: "again",
    });
  }
  const periodMs = (proxy?.spec.driftCheckPeriodSeconds ?? driftCheckPeriodSecondsDefault) * 1_000;
  const next: Decision["next"] = {
    kind: "waiting",
    untilMs: Math.min(window.expiry, (checkedAt ?? now) + periodMs, ...soonerLooks(input, followed)),
    why: "the end of the window or the next look at AWS",
  };
  const drift = decideDrift(input, next);
  if (drift !== undefined) {
    return drift;
  }
  const extension = [...extensionCondition(grant, window.extensionCount, followed), ...expiryNotice(input, followed)];
  const unseen = input.aws === undefined && getCondition(status?.conditions, "Ready")?.reason === "DriftDetected";
  const message = `Access is live until ${formatTime(window.expiry)}.`;
  return {
    ...steps(unseen ? [] : [...live(message, status?.approvalKind), ...extension], [], next),
    patch: unseen ? {} : { observedGeneration: grant.metadata.generation ?? 0 },
  };
}

/** A look at AWS failed. Active stays as it is known; a live Grant's end is never put behind a back-off. */
export function decideRetry(grant: Grant, failure: AwsFailure, now: EpochMs): Decision {
  const expiry = currentExpiry(grant);
  return steps(
    retrying(failureMessage(failure), failure),
    [],
    expiry === undefined
      ? { kind: "failed", error: failure }
      : {
          kind: "waiting",
          untilMs: Math.min(expiry, now + liveRetryMs),
          why: "another try after a failed call to AWS",
        },
  );
}

function decideDrift(input: GrantInput, next: Decision["next"]): Decision | undefined {
  const { grant, proxy, aws, installation } = input;
  if (aws === undefined || proxy === undefined) {
    return undefined;
  }
  if (isForeign(input) && !isStripped(input)) {
    return steps(drifted(notOwnedMessage(grant), aws.assigned, false), [], next);
  }
  const restore: Action[] = isForeign(input)
    ? [{ kind: "RestoreTags", tags: { ...creationTags(grant, grant.status ?? {}, installation) } }]
    : [];
  const repair = [...restore, ...setUpSteps(grant, aws, proxy, installation)];
  const { grantID = "", external } = grant.status ?? {};
  const roleMoved = typeof aws.role === "object" && aws.role.roleID !== external?.roleID;
  if (repair.length === 0 && roleMoved) {
    return steps([], [{ kind: "ReadRole", permissionSetName: grantID }], { kind: "again" });
  }
  if (repair.length === 0 && aws.role === "none") {
    // IAM follows Identity Center with a delay. Until it lists the role, nobody's proof can hold.
    const message = `IAM does not list the role of the permission set ${grantID} yet.`;
    const untilMs = Math.min(next.kind === "waiting" ? next.untilMs : Infinity, input.now + liveRetryMs);
    return steps(drifted(message, false, true), [], { kind: "waiting", untilMs, why: "the role to be listed" });
  }
  if (repair.length === 0) {
    return aws.others === undefined
      ? undefined
      : steps(drifted(othersMessage(grantID, aws.others), true, false), [], next);
  }
  const message = describeDrift(aws, restore.length > 0);
  if (proxy.spec.driftPolicy === "Report") {
    return steps(drifted(`${message} It is only reported: driftPolicy is Report.`, aws.assigned, false), [], next);
  }
  return steps(
    drifted(`${message} It is being repaired.`, aws.assigned, true),
    [...repair, { kind: "ReadRole", permissionSetName: grantID }],
    { kind: "again" },
  );
}

/** For assignments to our set that somebody else made. Whether they are meant is not ours to say, so they are left. */
export function othersMessage(name: string, others: readonly string[]): string {
  return `Others are assigned to the permission set ${name} by hand, which Sallyport leaves alone: ${others.slice(0, 5).join(", ")}${others.length > 5 ? ` and ${others.length - 5} more` : ""}. Remove these assignments in IAM Identity Center.`;
}

function describeDrift({ set, assigned }: AwsObservation, isStripped: boolean): string {
  if (set === undefined) {
    return "The permission set was deleted by somebody else.";
  }
  if (isStripped) {
    return "The permission set's tags were removed by somebody else.";
  }
  return assigned
    ? "The permission set's policy was changed by somebody else."
    : "The assignment was deleted by somebody else.";
}

/** What is missing in AWS, in the order in which it must be made. Empty when all is as it should be. */
function setUpSteps(grant: Grant, aws: AwsObservation, proxy: Proxy, installation: string): Action[] {
  const { status } = grant;
  const { grantID = "", external, principal } = status ?? {};
  const accountID = external?.accountID ?? "";
  const policy = policyFor(proxy, principal?.userName ?? "", external?.instanceARN ?? "");
  const assign: Action[] = [
    { kind: "CreateAssignment", accountID, principalID: external?.principalID ?? "" },
    { kind: "AwaitOperation" },
  ];
  if (aws.set === undefined) {
    return [
      {
        kind: "CreatePermissionSet",
        name: grantID,
        description: permissionSetDescription(grant),
        sessionDuration,
        tags: creationTags(grant, status ?? {}, installation),
      },
      { kind: "PutInlinePolicy", policy },
      ...assign,
    ];
  }
  const wanted: Action[] = [];
  if (!samePolicy(aws.policy, policy)) {
    wanted.push({ kind: "PutInlinePolicy", policy });
  }
  if (aws.assigned && (wanted.length > 0 || aws.isOutdated === true)) {
    wanted.push({ kind: "Provision", accountID }, { kind: "AwaitOperation" });
  }
  return aws.assigned ? wanted : [...wanted, ...assign];
}

function isForeign({ aws, grant, installation }: GrantInput): boolean {
  return aws?.set !== undefined && !isOwnSet(aws.set.tags, installation, grant.metadata.uid ?? "");
}

/**
 * The set on record has lost the tags that say whose it is, and carries nobody else's: nobody but this Grant can have made a set
 * of that ARN.
 */
function isStripped({ aws, grant }: GrantInput): boolean {
  const { [tagKeys.installation]: installation, [tagKeys.grantUID]: uid } = aws?.set?.tags ?? {};
  const isNobodys = installation === undefined || uid === undefined;
  return isNobodys && aws?.set !== undefined && aws.set.arn === grant.status?.external?.permissionSetARN;
}

/** For a permission set of the grant's name that does not carry our tags. */
export function notOwnedMessage(grant: Grant): string {
  return `The permission set ${grant.status?.grantID ?? ""} does not carry the tags of this Grant and this installation, so Sallyport does not touch it. Delete it in IAM Identity Center, or put its tags back.`;
}

function extensionCondition(grant: Grant, count: number, followed: WindowDecision | undefined): ConditionInput[] {
  const { refusal, earlyUntil } = followed ?? {};
  if (refusal !== undefined) {
    return [extensionRefused(refusal)];
  }
  if (earlyUntil !== undefined) {
    return [extensionEarly(`The workflow lets an extension count from ${formatTime(earlyUntil)} on.`)];
  }
  return askedExtensions(grant) > 0 ? [extensionGiven(count)] : [];
}

/** Times before the end at which something is to be said or done about a live window. */
function soonerLooks({ warnBeforeEndMs, now }: GrantInput, followed: WindowDecision | undefined): EpochMs[] {
  const times = followed === undefined ? [] : [followed.earlyUntil, expiryNoticeTime(followed.window, warnBeforeEndMs)];
  return times.filter((time) => time !== undefined).filter((time) => time > now);
}

/** The warning that the end is near: given once for each end. */
function expiryNotice(
  { grant: { status }, warnBeforeEndMs, now }: GrantInput,
  followed: WindowDecision | undefined,
): ConditionInput[] {
  const notice = followed === undefined ? undefined : expiryNoticeTime(followed.window, warnBeforeEndMs);
  if (followed !== undefined && notice !== undefined && now >= notice) {
    return [expiring(`The access ends at ${formatTime(followed.window.expiry)}.`)];
  }
  return getCondition(status?.conditions, "Expiring")?.status === "True" ? [notExpiring()] : [];
}

/** Whether the access is approved, and neither its time has come nor anything of it was begun. */
export function isScheduled({ spec, status }: Grant, now: EpochMs): boolean {
  const { permissionSetARN, operation } = status?.external ?? {};
  return permissionSetARN === undefined && operation === undefined && Date.parse(spec.startTime ?? "") > now;
}

/** A retry is not news: the failure stays shown until the step has worked. */
function keepRetrying(grant: Grant, conditions: ConditionInput[]): ConditionInput[] {
  const ready = getCondition(grant.status?.conditions, "Ready");
  const isStanding = ready !== undefined && (isRetryReason(ready.reason) || ready.reason === "QuotaExceeded");
  return isStanding ? [] : conditions;
}

function steps(conditions: readonly ConditionInput[], actions: readonly Action[], next: Decision["next"]): Decision {
  return { patch: {}, conditions, actions, onFailure: "stop", next };
}
