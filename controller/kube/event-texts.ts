import { getCondition, isTrue, type AnyObject, type Condition, type Grant } from "#kinds/index.ts";

/** What an Event says of an object. No text that a person typed as reason or comment, and no secret: many may read Events. */
export interface EventText {
  readonly type: "Normal" | "Warning";
  /** What happened, CamelCase, past tense or a state: one of a closed list, or a condition's reason. */
  readonly reason: string;
  /** What Sallyport was doing. */
  readonly action: string;
  readonly note: string;
}

type Conditions = readonly Condition[] | undefined;

/** What became of an object's conditions with one write of its status, worth telling people. Pure. */
export function eventsOfChange(object: AnyObject, before: Conditions, after: Conditions): EventText[] {
  const change: Change = { before, after };
  const own = object.kind === "Grant" ? ofGrant(object, change) : ofOther(object, change);
  return [...own, ...ofFlag(change)];
}

interface Change {
  readonly before: Conditions;
  readonly after: Conditions;
}

function ofGrant(grant: Grant, change: Change): EventText[] {
  const { principal, roleName, databaseRef } = grant.spec;
  const access = `${principal.name} as ${roleName} on ${databaseRef.name}`;
  const [ready, was] = [getCondition(change.after, "Ready"), getCondition(change.before, "Ready")];
  const events: EventText[] = [];
  if (turned(change, "Approved", "True") && was?.reason === "PendingApproval") {
    events.push(normal("GrantApproved", "Approve", `Approved: ${access}.`));
  }
  if (turned(change, "BreakGlass", "True")) {
    events.push(warning("BreakGlassUsed", "Approve", `The approval steps were skipped: ${access}.`));
  }
  if (turned(change, "Active", "True") && was?.reason !== "DriftDetected") {
    events.push(normal("GrantActivated", "Activate", `Access is live: ${access}.`));
  }
  if (ready === undefined || (ready.reason === was?.reason && ready.status === was.status)) {
    return events;
  }
  return [...events, ...ofGrantReady(ready, was, { access, isTrouble: isTrue(change.after, "Stalled") })];
}

/** By the reasons of `Ready` (operators.md 6.3, `controller/reconcile/grant/situations.ts`). */
function ofGrantReady(
  ready: Condition,
  was: Condition | undefined,
  { access, isTrouble }: { readonly access: string; readonly isTrouble: boolean },
): EventText[] {
  switch (ready.reason) {
    case "PendingApproval":
      return [normal("ApprovalAwaited", "Approve", `Waits for approval: ${access}.`)];
    case "Active":
      return was?.reason === "DriftDetected"
        ? [normal("DriftRepaired", "Repair", `What AWS holds is again what was granted: ${access}.`)]
        : [];
    case "DriftDetected":
      return [warning("DriftDetected", "Observe", ready.message)];
    case "ProviderError":
    case "CredentialsNotAccepted":
    case "QuotaExceeded":
      return [warning("ProvisioningFailed", "Provision", ready.message)];
    case "RevocationFailed":
      return [warning("RevocationFailed", "Revoke", ready.message)];
    case "Revoking":
      return [normal("RevocationStarted", "Revoke", `Access is being taken away: ${access}.`)];
    case "Expired":
      return [normal("AccessExpired", "Revoke", `Access has ended on time and nothing is left in AWS: ${access}.`)];
    case "Revoked":
      return [normal("AccessRevoked", "Revoke", `Access was revoked and nothing is left in AWS: ${access}.`)];
    case "Denied":
      return [warning("GrantDenied", "Approve", `Denied: ${access}. See the conditions of the Grant.`)];
    case "Progressing":
    case "Provisioning":
      return [];
    default:
      return [ofReason(ready, "Decide", isTrouble)];
  }
}

function ofOther({ kind }: AnyObject, change: Change): EventText[] {
  const [ready, was] = [getCondition(change.after, "Ready"), getCondition(change.before, "Ready")];
  if (
    ready === undefined ||
    ready.status === "Unknown" ||
    (ready.reason === was?.reason && ready.status === was.status)
  ) {
    return [];
  }
  if (ready.status === "True") {
    return was?.status === "True" ? [] : [normal(`${kind}Ready`, "Reconcile", `The ${kind} is as it was declared.`)];
  }
  // What is on its way to being ready is no trouble; what was, or will not be by itself, is.
  const isTrouble = was?.status === "True" || ready.reason === "DeletionFailed" || isTrue(change.after, "Stalled");
  return [ofReason(ready, "Reconcile", isTrouble)];
}

function ofFlag(change: Change): EventText[] {
  const [flagged, was] = [getCondition(change.after, "Flagged"), getCondition(change.before, "Flagged")];
  return flagged?.status !== "True" || flagged.message === was?.message
    ? []
    : [warning("StatementFlagged", "Audit", flagged.message)];
}

function ofReason({ reason, message }: Condition, action: string, isTrouble: boolean): EventText {
  return (isTrouble ? warning : normal)(reason, action, message === "" ? reason : message);
}

function turned({ before, after }: Change, type: string, status: Condition["status"]): boolean {
  return getCondition(after, type)?.status === status && getCondition(before, type)?.status !== status;
}

function normal(reason: string, action: string, note: string): EventText {
  return { type: "Normal", reason, action, note };
}

function warning(reason: string, action: string, note: string): EventText {
  return { type: "Warning", reason, action, note };
}
