import type { AccessWorkflow, Condition, Grant } from "#kinds/index.ts";
import { defined } from "#lib/defined.ts";
import type { GrantAction } from "#wire/approval.ts";
import type { GrantView } from "#wire/control-api.ts";
import { reviewWorkflowName } from "../../reconcile/grant/approval.ts";
import { approvalView } from "../../reconcile/grant/approval-view.ts";
import { idOf } from "../../source/grant-by-id.ts";
import { extensionOf } from "./approval.ts";

/** What a view shows besides the Grant itself. */
export interface ViewContext {
  /** The workflow that the Grant goes by. */
  readonly workflow?: AccessWorkflow;
  /** What the caller may do now. */
  readonly actions?: readonly GrantAction[];
}

/** A Grant as people see it. Pure. */
export function grantViewOf(grant: Grant, { workflow, actions }: ViewContext = {}): GrantView {
  const { metadata, spec, status } = grant;
  const ready = status?.conditions?.find((condition) => condition.type === "Ready");
  const flagged = status?.conditions?.find((condition) => condition.type === "Flagged");
  return {
    grantID: idOf(grant) ?? "",
    namespace: metadata.namespace,
    name: metadata.name,
    userName: spec.principal.name,
    database: spec.databaseRef.name,
    role: spec.roleName,
    reason: spec.reason ?? "",
    state: stateOf(grant),
    readyReason: ready?.reason ?? "Progressing",
    message: ready?.message ?? "",
    ...defined({
      requestTime: status?.requestTime,
      activationTime: status?.activationTime,
      expiryTime: status?.expiryTime,
      endTime: status?.endTime,
      endReason: status?.end?.message,
      flagged: flagged?.reason,
      flaggedMessage: flagged?.message,
      requester: spec.requester?.username,
      urgency: spec.urgency,
      workflow: reviewWorkflowName(grant),
      durationSeconds: spec.durationSeconds,
      startTime: spec.startTime,
      notAfterTime: spec.notAfterTime,
      digest: status?.review?.digest,
      approval: approvalView(grant, workflow),
      extension: extensionOf(grant),
      actions,
    }),
  };
}

/** Every state of a grant, in the order of its life. */
export const grantStates = [
  "Pending",
  "PendingApproval",
  "Scheduled",
  "Provisioning",
  "Active",
  "Revoking",
  "Ended",
  "Refused",
] as const satisfies readonly GrantView["state"][];

/**
 * Where a Grant stands, from its conditions (the table of conditions in docs/kinds.md). From the moment that its end was
 * asked for it counts as being revoked, though the reconciler has not come to it. Pure.
 */
export function stateOf(grant: Grant): GrantView["state"] {
  const conditions = grant.status?.conditions ?? [];
  const of = (type: string): Condition | undefined => conditions.find((condition) => condition.type === type);
  if (grant.status?.end !== undefined) {
    if (grant.status.deprovisionTime !== undefined && of("Stalled")?.status === "True") {
      // Denied, or not approved in time: nothing was ever given.
      return "Refused";
    }
    return of("Active")?.status === "True" || of("Ready")?.status !== "True" ? "Revoking" : "Ended";
  }
  if (of("Active")?.status === "True" && isEndAskedFor(grant)) {
    return "Revoking";
  }
  if (of("Stalled")?.status === "True") {
    return "Refused";
  }
  if (of("Active")?.status === "True") {
    return "Active";
  }
  switch (of("Ready")?.reason) {
    case "PendingApproval":
      return "PendingApproval";
    case "Scheduled":
      return "Scheduled";
    case "Provisioning":
    case "ProviderError":
    case "CredentialsNotAccepted":
    case "QuotaExceeded":
      return "Provisioning";
    default:
      return "Pending";
  }
}

function isEndAskedFor({ metadata, spec, status }: Grant): boolean {
  return status?.endRequest !== undefined || spec.revocation !== undefined || metadata.deletionTimestamp !== undefined;
}

/** Whether a Grant still is, or may become, access. */
export function isOpen(grant: Grant): boolean {
  return !["Ended", "Refused", "Revoking"].includes(stateOf(grant)) && !isEndAskedFor(grant);
}
