import { describe, expect, it } from "vitest";
import type { Condition, Database, Grant, GrantStatus } from "#kinds/index.ts";
import { kstatusOf, type KStatus } from "#kinds/kstatus.ts";
import { AwsFailure } from "#controller/aws/ports.ts";
import { decideGrant } from "#controller/reconcile/grant/decide.ts";
import { revocationFailed } from "#controller/reconcile/grant/situations.ts";
import {
  ada,
  anInput,
  approvedStatus,
  at,
  healthy,
  liveStatus,
  noon,
  seen,
} from "#controller/reconcile/grant/testing.ts";
import type { GrantInput } from "#controller/reconcile/grant/types.ts";
import { applyPatch, withConditions } from "#controller/reconcile/status/patch.ts";
import { aDatabase, aGrant, aWorkflow } from "#controller/reconcile/testing.ts";

/** The status with the decision written to it, as the reconciler does. */
function decided(input: GrantInput): Grant {
  const { grant, now } = input;
  const { patch, conditions } = decideGrant(input);
  const status = applyPatch(grant.status ?? {}, patch);
  const generation = grant.metadata.generation ?? 0;
  return {
    ...grant,
    status: { ...status, conditions: withConditions(status.conditions, conditions, generation, now) },
  };
}

/** All conditions as `type=status reason`, by type. */
function shown({ status }: Grant): string[] {
  return (status?.conditions ?? []).map((one: Condition) => `${one.type}=${one.status} ${one.reason}`).sort();
}

const end = { reason: "Revoked", message: "The access was revoked: done", time: at(0) };
const provisioned = ["Approved=True AutoApproved", "Provisioned=True Provisioned"];
const wasLive: readonly Condition[] = decided(anInput({ grant: aGrant({ status: liveStatus() }), aws: healthy() }))
  .status?.conditions as readonly Condition[];
const revokingStatus = (more: GrantStatus = {}): GrantStatus =>
  liveStatus({ end, endTime: at(0), conditions: wasLive, ...more });
const failure = new AwsFailure(
  "throttled",
  "ThrottlingException",
  "sso:X",
  "sso:X: ThrottlingException: Rate exceeded",
);
const grantWith = (status: GrantStatus | undefined, spec: Partial<Grant["spec"]> = {}) =>
  aGrant({ spec, ...(status === undefined ? {} : { status }) });
const approvals = aWorkflow({
  spec: { approvalSteps: [{ name: "lead", approvers: [{ kind: "Group", name: "leads" }] }] as never },
});

const denial = { step: "lead", reviewer: "grace", decision: "Deny", time: at(1) } as const;

/** The rows of the table of situations (what a Grant shows, and what tools that know only kstatus make of it). */
const rows: [string, Partial<GrantInput>, string[], KStatus][] = [
  [
    "first visit",
    { grant: grantWith(undefined) },
    ["Active=Unknown Progressing", "Ready=Unknown Progressing", "Reconciling=True Progressing"],
    "InProgress",
  ],
  [
    "waiting for approval",
    { grant: grantWith(seen), workflows: [approvals] },
    [
      "Active=False PendingApproval",
      "Approved=Unknown PendingApproval",
      "Ready=False PendingApproval",
      "Reconciling=True PendingApproval",
    ],
    "InProgress",
  ],
  [
    "scheduled",
    { grant: grantWith(approvedStatus(), { startTime: at(30) }) },
    [
      "Active=False Scheduled",
      "Approved=True AutoApproved",
      "Provisioned=False Scheduled",
      "Ready=False Scheduled",
      "Reconciling=True Scheduled",
    ],
    "InProgress",
  ],
  [
    "provisioning",
    { grant: grantWith(approvedStatus()), aws: healthy({ assigned: false }) },
    [
      "Active=False Provisioning",
      "Approved=True AutoApproved",
      "Provisioned=False Provisioning",
      "Ready=False Provisioning",
      "Reconciling=True Provisioning",
    ],
    "InProgress",
  ],
  [
    "live",
    { grant: grantWith(liveStatus()), aws: healthy() },
    ["Active=True Active", ...provisioned, "Ready=True Active"],
    "Current",
  ],
  [
    "an error of AWS that may pass, while live",
    { grant: grantWith(liveStatus({ conditions: wasLive })), failure },
    ["Active=True Active", ...provisioned, "Ready=False ProviderError", "Reconciling=True ProgressingWithRetry"],
    "InProgress",
  ],
  [
    "denied",
    { grant: grantWith({ ...seen, approvals: [denial] }), workflows: [approvals] },
    ["Active=False Denied", "Approved=False Denied", "Denied=True Denied", "Ready=False Denied", "Stalled=True Denied"],
    "Failed",
  ],
  [
    "not approved in time",
    {
      grant: grantWith({
        ...seen,
        review: { digest: `sha256:${"0".repeat(64)}`, workflow: "auto", deadlineTime: at(0) },
      }),
      workflows: [approvals],
    },
    [
      "Active=False ApprovalDeadlinePassed",
      "Approved=False ApprovalDeadlinePassed",
      "Ready=False ApprovalDeadlinePassed",
      "Stalled=True ApprovalDeadlinePassed",
    ],
    "Failed",
  ],
  [
    "refused",
    { grant: grantWith(seen), person: { user: undefined, groups: [] } },
    ["Active=False PrincipalNotFound", "Ready=False PrincipalNotFound", "Stalled=True PrincipalNotFound"],
    "Failed",
  ],
  [
    "not owned",
    { grant: grantWith(approvedStatus()), aws: healthy({ set: { ...healthy().set, tags: {} } as never }) },
    ["Active=False NotOwned", "Ready=False NotOwned", "Stalled=True NotOwned"],
    "Failed",
  ],
  [
    "the end has come",
    { grant: grantWith(liveStatus({ conditions: wasLive })), now: noon + 3_600_000 },
    ["Active=True Active", ...provisioned, "Ready=False Revoking", "Reconciling=True Revoking"],
    "InProgress",
  ],
  [
    "being taken away",
    { grant: grantWith(revokingStatus()), aws: healthy() },
    ["Active=True Active", ...provisioned, "Ready=False Revoking", "Reconciling=True Revoking"],
    "InProgress",
  ],
  [
    "expired",
    {
      grant: grantWith(revokingStatus({ end: { ...end, reason: "Expired" }, deprovisionTime: at(1) })),
    },
    ["Active=False Expired", "Approved=True AutoApproved", "Provisioned=False Expired", "Ready=True Expired"],
    "Current",
  ],
  [
    "revoked",
    { grant: grantWith(revokingStatus({ deprovisionTime: at(1) })) },
    ["Active=False Revoked", "Approved=True AutoApproved", "Provisioned=False Revoked", "Ready=True Revoked"],
    "Current",
  ],
  [
    "taking away fails",
    {
      grant: grantWith(revokingStatus({ conditions: withConditions(wasLive, revocationFailed("no", true), 1, noon) })),
      failure,
    },
    [
      "Active=True RevocationFailed",
      ...provisioned,
      "Ready=False RevocationFailed",
      "Reconciling=True RevocationFailed",
    ],
    "InProgress",
  ],
  [
    "suspended before anything was approved",
    { grant: grantWith(seen, { suspend: true }) },
    ["Active=False Suspended", "Ready=False Suspended"],
    "InProgress",
  ],
  [
    "suspended while it was being set up",
    { grant: grantWith(approvedStatus(), { suspend: true }) },
    ["Active=False Suspended", "Ready=False Suspended"],
    "InProgress",
  ],
  [
    "a role that IAM does not list",
    { grant: grantWith(liveStatus({ conditions: wasLive })), aws: healthy({ role: "none" }) },
    [
      "Active=False DriftDetected",
      "Approved=True AutoApproved",
      "Provisioned=False DriftDetected",
      "Ready=False DriftDetected",
      "Reconciling=True DriftDetected",
    ],
    "InProgress",
  ],
];

describe("what a Grant shows", () => {
  it.each(rows)("%s", (_title, input, conditions, verdict) => {
    const grant = decided(anInput(input));

    expect(shown(grant)).toEqual(conditions.sort());
    expect(kstatusOf(grant)).toBe(verdict);
  });

  it.each(rows)("is the same when it is decided again, so that nothing is written twice: %s", (_title, input) => {
    const full = anInput(input);
    const once = decided(full);
    const phaseChanged = decideGrant(full).next.kind === "again" && decideGrant(full).actions.length === 0;

    const again = phaseChanged ? once : decided({ ...full, grant: once, now: full.now + 1_000 });

    expect(again.status).toEqual(once.status);
  });
});

describe("a Database whose spec names another instance by now", () => {
  const { endpoint: _endpoint, ...spec } = aDatabase().spec;
  const moved = (observedGeneration: number): Database => ({
    ...aDatabase(),
    metadata: { ...aDatabase().metadata, generation: 2 },
    spec: { ...spec, rds: { instanceIdentifier: "another" } },
    status: { endpoint: { host: "orders.example.com", port: 5432 }, observedGeneration },
  });

  it("gives nobody access to the address of the one before", () => {
    const database = moved(1);

    const waiting = decided(
      anInput({ database, databases: [database], person: { user: ada, groups: ["developers"] } }),
    );

    expect(shown(waiting)).toContain("Ready=False DatabaseNotReady");
    expect(waiting.status?.approvalTime).toBeUndefined();
  });

  it("is used once RDS has answered for it", () => {
    const database = moved(2);

    expect(decided(anInput({ database, databases: [database] })).status?.approvalTime).toBeDefined();
  });
});
