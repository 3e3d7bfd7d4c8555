import type { ConditionInput, GrantStatus } from "#kinds/index.ts";
import type { AwsFailure } from "../../aws/ports.ts";

/** Conditions of a Grant by situation: the table of operators.md 6.3, one function per row. */

/** First visit. */
export function firstVisit(): ConditionInput[] {
  return [
    condition("Ready", "Unknown", "Progressing", "Sallyport has just seen this Grant."),
    condition("Active", "Unknown", "Progressing", ""),
    condition("Reconciling", "True", "Progressing", ""),
  ];
}

/** Not live, and waiting for something that comes by itself or from another object: a reference, an address, a start time. */
export function waiting(reason: string, message: string): ConditionInput[] {
  return [
    condition("Ready", "False", reason, message),
    condition("Active", "False", reason, ""),
    condition("Reconciling", "True", reason, message),
  ];
}

/** Waiting for people. */
export function pendingApproval(message: string): ConditionInput[] {
  return [...waiting("PendingApproval", message), condition("Approved", "Unknown", "PendingApproval", message)];
}

/** Nothing will happen until a person changes something. */
export function stalled(reason: string, message: string): ConditionInput[] {
  return [
    condition("Ready", "False", reason, message),
    condition("Active", "False", reason, ""),
    condition("Stalled", "True", reason, message),
  ];
}

/** `spec.suspend` before activation. */
export function suspended(): ConditionInput[] {
  const message = "spec.suspend holds provisioning. Expiry and revocation are not held.";
  return [condition("Ready", "False", "Suspended", message), condition("Active", "False", "Suspended", "")];
}

/** How a Grant was approved; undefined counts as `Automatic`. */
export type ApprovalKind = GrantStatus["approvalKind"];

/** Approved, and being set up in AWS. */
export function provisioning(message: string, approval?: ApprovalKind): ConditionInput[] {
  return [
    ...waiting("Provisioning", message),
    ...approved(approval),
    condition("Provisioned", "False", "Provisioning", message),
  ];
}

/** Approved, and its time has not come. Nothing of it is in AWS meanwhile. */
export function scheduled(message: string, approval?: ApprovalKind): ConditionInput[] {
  return [
    ...waiting("Scheduled", message),
    ...approved(approval),
    condition("Provisioned", "False", "Scheduled", message),
  ];
}

/** Access is live. */
export function live(message: string, approval?: ApprovalKind): ConditionInput[] {
  return [
    condition("Ready", "True", "Active", message),
    condition("Active", "True", "Active", message),
    ...approved(approval),
    condition("Provisioned", "True", "Provisioned", ""),
  ];
}

/** Approved, and waiting for room among the permission sets. Nothing of it is in AWS meanwhile. */
export function quotaExceeded(message: string, approval?: ApprovalKind): ConditionInput[] {
  return [
    ...waiting("QuotaExceeded", message),
    ...approved(approval),
    condition("Provisioned", "False", "QuotaExceeded", message),
  ];
}

/** Live in status, but what AWS holds differs: being repaired, or only reported. `usable`: whether people still get in. */
export function drifted(message: string, usable: boolean, repairing: boolean): ConditionInput[] {
  return [
    condition("Ready", "False", "DriftDetected", message),
    condition("Active", usable ? "True" : "False", "DriftDetected", ""),
    condition("Provisioned", "False", "DriftDetected", message),
    ...(repairing ? [condition("Reconciling", "True", "DriftDetected", message)] : []),
  ];
}

/** Reasons of Ready for a call to AWS that failed and is tried again. */
const retryReasons: readonly string[] = ["ProviderError", "CredentialsNotAccepted"];

/** Whether Ready has this reason because a call to AWS failed. */
export function isRetryReason(reason: string): boolean {
  return retryReasons.includes(reason);
}

/** A call to AWS failed and is tried again. Active stays as it is known. */
export function retrying(message: string, { failure }: Partial<Pick<AwsFailure, "failure">> = {}): ConditionInput[] {
  const reason = failure === "credentials" ? "CredentialsNotAccepted" : "ProviderError";
  return [
    condition("Ready", "False", reason, message),
    condition("Reconciling", "True", "ProgressingWithRetry", message),
  ];
}

/** What a person reads of a failure. */
export function failureMessage(failure: Pick<AwsFailure, "failure" | "code" | "message">): string {
  return failure.failure === "credentials"
    ? `AWS does not accept the controller's credentials (${failure.code}). Renew them; what has ended is then taken away first. ${failure.message}`
    : failure.message;
}

/** Ended, and what was given in AWS is being taken away. Active stays True until that is confirmed. */
export function revoking(message: string): ConditionInput[] {
  return [condition("Ready", "False", "Revoking", message), condition("Reconciling", "True", "Revoking", message)];
}

/** Taking access away failed and is tried again. `wasActive`: whether there is access that may still be used. */
export function revocationFailed(message: string, wasActive: boolean): ConditionInput[] {
  return [
    condition("Ready", "False", "RevocationFailed", message),
    ...(wasActive ? [condition("Active", "True", "RevocationFailed", message)] : []),
    condition("Reconciling", "True", "RevocationFailed", message),
  ];
}

/** Ended before anybody approved it: somebody denied, or nobody decided in time. Nothing was given. */
export function notApproved(reason: "Denied" | "ApprovalDeadlinePassed", message: string): ConditionInput[] {
  return [
    ...stalled(reason, message),
    condition("Approved", "False", reason, message),
    ...(reason === "Denied" ? [condition("Denied", "True", "Denied", message)] : []),
  ];
}

/** Ended for this reason, and nothing is left in AWS. */
export function endedAs(reason: string, message: string): ConditionInput[] {
  return reason === "Denied" || reason === "ApprovalDeadlinePassed"
    ? notApproved(reason, message)
    : ended(reason, message);
}

/** Ended, and nothing is left in AWS. */
export function ended(reason: string, message: string): ConditionInput[] {
  const shown = reason === "Expired" ? "Expired" : "Revoked";
  return [
    condition("Ready", "True", shown, message),
    condition("Active", "False", shown, message),
    condition("Provisioned", "False", shown, ""),
  ];
}

/** Live, and its end is near. */
export function expiring(message: string): ConditionInput {
  return condition("Expiring", "True", "EndsSoon", message);
}

/** Live, and its end has moved away again. */
export function notExpiring(): ConditionInput {
  return condition("Expiring", "False", "Extended", "");
}

/** An extension that was asked for and not given. */
export function extensionRefused(message: string): ConditionInput {
  return condition("Extended", "False", "ExtensionNotAllowed", message);
}

/** An extension that counts once more of the period is over. */
export function extensionEarly(message: string): ConditionInput {
  return condition("Extended", "False", "TooEarly", message);
}

/** All extensions asked for are part of the window. */
export function extensionGiven(count: number): ConditionInput {
  return condition("Extended", "True", "Extended", `Extensions in the window: ${count}.`);
}

/** By whom it was approved. Access whose steps were skipped says so for good. */
function approved(kind: ApprovalKind): ConditionInput[] {
  switch (kind) {
    case "BreakGlass": {
      const message = "The approval steps were skipped with spec.urgency BreakGlass, as the workflow allows.";
      return [
        condition("Approved", "True", "BreakGlass", message),
        condition("BreakGlass", "True", "StepsSkipped", message),
      ];
    }
    case "Reviewed":
      return [
        condition(
          "Approved",
          "True",
          "Reviewed",
          "All steps of the workflow are approved; status.approvals says by whom.",
        ),
      ];
    default:
      return [condition("Approved", "True", "AutoApproved", "The workflow asks for no approval.")];
  }
}

function condition(type: string, status: ConditionInput["status"], reason: string, message: string): ConditionInput {
  return { type, status, reason, message };
}
