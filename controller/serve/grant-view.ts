import type { Condition, Grant } from "#kinds/index.ts";
import { defined } from "#lib/defined.ts";
import type { GrantView } from "#wire/control-api.ts";

/** A Grant as people see it. Pure. */
export function grantViewOf(grant: Grant): GrantView {
  const { metadata, spec, status } = grant;
  const ready = status?.conditions?.find((condition) => condition.type === "Ready");
  return {
    grantID: status?.grantID ?? "",
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
    }),
  };
}

/** Where a Grant stands, from its conditions (the table of conditions in docs/kinds.md). Pure. */
export function stateOf(grant: Grant): GrantView["state"] {
  const conditions = grant.status?.conditions ?? [];
  const of = (type: string): Condition | undefined => conditions.find((condition) => condition.type === type);
  if (grant.status?.end !== undefined) {
    return of("Active")?.status === "True" || of("Ready")?.status !== "True" ? "Revoking" : "Ended";
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
      return "Provisioning";
    default:
      return "Pending";
  }
}

/** Whether a Grant still is, or may become, access. */
export function isOpen(grant: Grant): boolean {
  return !["Ended", "Refused", "Revoking"].includes(stateOf(grant)) && grant.metadata.deletionTimestamp === undefined;
}
