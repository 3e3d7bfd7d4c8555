import { type AnyObject, type ConditionInput, type Grant, type GrantReview, type GrantStatus } from "#kinds/index.ts";
import type { KStatus } from "#kinds/kstatus.ts";
import { aDatabase, aGrant, anAvailability, aProxy, aWorkflow } from "#controller/reconcile/testing.ts";
import { approvedStatus, at, liveStatus, noon, seen } from "#controller/reconcile/grant/testing.ts";
import * as situation from "#controller/reconcile/grant/situations.ts";
import { reviewConditions } from "#controller/reconcile/grantreview/decide.ts";
import { withConditions } from "#controller/reconcile/status/patch.ts";
import { held, notReady, ready, stalledAt } from "#controller/reconcile/status/simple.ts";

/** What Argo CD shows. */
export type ArgoHealth = "Healthy" | "Progressing" | "Suspended" | "Degraded";

/** An object in one situation of operators.md 6.3, and what tools must make of it. */
export interface Situation {
  readonly name: string;
  readonly object: AnyObject;
  readonly kstatus: KStatus;
  readonly argo: ArgoHealth;
}

const settled = { observedGeneration: 1 };

function withStatus<T extends AnyObject>(object: T, status: object, conditions: readonly ConditionInput[]): T {
  const known = (status as { conditions?: Parameters<typeof withConditions>[0] }).conditions;
  return { ...object, status: { ...status, conditions: withConditions(known, conditions, 1, noon) } } as T;
}

function grant(
  name: string,
  status: GrantStatus,
  conditions: readonly ConditionInput[],
  [kstatus, argo]: readonly [KStatus, ArgoHealth],
): Situation {
  return { name, object: withStatus<Grant>(aGrant(), status, conditions), kstatus, argo };
}

function other(
  object: AnyObject,
  name: string,
  conditions: readonly ConditionInput[],
  [kstatus, argo]: readonly [KStatus, ArgoHealth],
): Situation {
  const status = kstatus === "InProgress" ? {} : settled;
  return { name: `${object.kind} ${name}`, object: withStatus(object, status, conditions), kstatus, argo };
}

/** Live, with the conditions that came before. */
const live = (): GrantStatus => {
  const status = liveStatus(settled);
  return { ...status, conditions: withConditions([], situation.live("Access is live."), 1, noon) };
};
const ended = (): GrantStatus => ({
  ...live(),
  end: { reason: "Expired", message: "The window is over.", time: at(60) },
  endTime: at(60),
});
/** Over before anything was given. */
const over = (reason: string): GrantStatus => ({
  ...seen,
  ...settled,
  end: { reason, message: "", time: at(1) },
  endTime: at(1),
  deprovisionTime: at(1),
});
const working = ["InProgress", "Progressing"] as const;
const waiting = ["InProgress", "Suspended"] as const;
const failed = ["Failed", "Degraded"] as const;
const fine = ["Current", "Healthy"] as const;
const stuck = ["InProgress", "Degraded"] as const;

/** Every row of 6.3. */
export const grantSituations: readonly Situation[] = [
  grant("first visit", seen, situation.firstVisit(), working),
  grant(
    "waiting for approval",
    seen,
    situation.pendingApproval("The AccessWorkflow asks for approval: owner."),
    waiting,
  ),
  grant("scheduled", approvedStatus(), situation.scheduled("The access starts at noon.", "Reviewed"), waiting),
  grant("waiting for a reference", seen, situation.waiting("ReferenceNotFound", "There is no Database."), working),
  grant("provisioning", approvedStatus(), situation.provisioning("Access is being set up in AWS."), working),
  grant("live", live(), [], fine),
  grant("live by break-glass", live(), situation.live("Access is live.", "BreakGlass"), fine),
  grant("live, about to end", live(), [situation.expiring("The access ends soon.")], fine),
  grant("extension too early", live(), [situation.extensionEarly("It counts from noon on.")], fine),
  grant("extension refused", live(), [situation.extensionRefused("The workflow allows none.")], fine),
  grant(
    "retryable AWS error before activation",
    approvedStatus(),
    [...situation.provisioning("Being set up."), ...situation.retrying("Throttled.")],
    working,
  ),
  grant("retryable AWS error while live", live(), situation.retrying("Throttled."), working),
  grant("drift, being repaired", live(), situation.drifted("The assignment was deleted.", false, true), working),
  grant("drift, only reported", live(), situation.drifted("The assignment was deleted.", false, false), stuck),
  grant("denied", over("Denied"), situation.notApproved("Denied", "grace denied the access."), failed),
  grant(
    "not approved in time",
    over("ApprovalDeadlinePassed"),
    situation.notApproved("ApprovalDeadlinePassed", "Not all steps were approved by noon."),
    failed,
  ),
  grant("invalid", { ...seen, ...settled }, situation.stalled("DurationTooLong", "Ask for less."), failed),
  grant(
    "not owned",
    { ...approvedStatus(), ...settled },
    situation.stalled("NotOwned", "The set is not ours."),
    failed,
  ),
  grant("expiring", ended(), situation.revoking("The window is over."), working),
  grant("revocation failing", ended(), situation.revocationFailed("Access denied.", true), stuck),
  grant("ended", { ...ended(), deprovisionTime: at(61) }, situation.ended("Expired", "The window is over."), fine),
  grant("revoked", { ...ended(), deprovisionTime: at(61) }, situation.ended("Revoked", "No longer needed."), fine),
  grant("suspended before activation", { ...seen, ...settled }, situation.suspended(), waiting),
  {
    name: "changed since it was looked at",
    object: { ...withStatus<Grant>(aGrant(), live(), []), metadata: { ...aGrant().metadata, generation: 2 } },
    kstatus: "InProgress",
    argo: "Progressing",
  },
];

const approval = { step: "lead", reviewer: "grace", time: at(1) };
const aReview: GrantReview = {
  apiVersion: "sallyport.dev/v1alpha1",
  kind: "GrantReview",
  metadata: { name: "ada-orders-grace", namespace: "default", generation: 1 },
  spec: { grantRef: { name: "ada-orders" }, grantDigest: `sha256:${"0".repeat(64)}`, decision: "Approve" },
};

/** The other kinds, each as its reconciler reports. */
export const otherSituations: readonly Situation[] = [
  other(aProxy(), "available", ready("Available", "1 of 1 running tasks are connected."), fine),
  other(aProxy(), "deploying", notReady("Deploying", "Being brought to the wanted configuration."), working),
  other(aProxy(), "shared", stalledAt("ServiceShared", "It belongs to another Proxy."), failed),
  { ...other(aProxy(), "suspended", held("Suspended", "Nothing is changed in ECS."), waiting) },
  other(aProxy(), "drift, only reported", held("DriftDetected", "It is only reported."), stuck),
  other(aDatabase(), "resolved", ready("Resolved", "The database is at db:5432."), fine),
  other(aDatabase(), "of a missing Proxy", notReady("ReferenceNotFound", "There is no Proxy."), working),
  other(aDatabase(), "of another engine", stalledAt("EngineMismatch", "It is mysql."), failed),
  other(
    aReview,
    "counted",
    reviewConditions({ kind: "counted", approval: { ...approval, decision: "Approve" }, isNew: true }),
    fine,
  ),
  other(
    aReview,
    "of no approver",
    reviewConditions({ kind: "refused", reason: "NotAnApprover", message: "linus is no approver." }),
    failed,
  ),
  other(
    aReview,
    "of nobody who is known",
    reviewConditions({ kind: "waits", reason: "ReviewerNotVerified", message: "The policy is not there." }),
    failed,
  ),
  other(
    aReview,
    "of a Grant that is on its way",
    reviewConditions({ kind: "waits", reason: "GrantNotFound", message: "There is no Grant." }),
    working,
  ),
  other(aWorkflow(), "accepted", ready("Accepted", "Used by 1 availabilities."), fine),
  other(aWorkflow(), "with a broken pattern", stalledAt("InvalidPattern", "A pattern is broken."), failed),
  other(anAvailability(), "offered", ready("Offered", "Offered on 1 databases."), fine),
  other(anAvailability(), "without databases", notReady("NoDatabasesMatched", "None."), working),
  other(anAvailability(), "suspended", held("Suspended", "Nothing new is offered."), waiting),
];
