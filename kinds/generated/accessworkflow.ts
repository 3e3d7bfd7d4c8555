// Generated from crds/ by `npm run generate`. Do not edit: change the CRD and generate again.
import type { ObjectMeta } from "../meta.ts";
import type { Condition } from "./condition.ts";

/** The policy of a Grant: how long it may last, who must approve it, and what reason it needs. */
export interface AccessWorkflow {
  readonly apiVersion: "sallyport.dev/v1alpha1";
  readonly kind: "AccessWorkflow";
  readonly metadata: ObjectMeta;
  readonly spec: AccessWorkflowSpec;
  readonly status?: AccessWorkflowStatus;
}

/** The policy. Absent `approvalSteps` means that a matching Grant is approved at once. */
export interface AccessWorkflowSpec {
  /** Longest access that may be asked for, in seconds. (60…604800) */
  readonly maxDurationSeconds: number;
  /** Length that the command line proposes, in seconds. Absent: the maximum. (60…604800) */
  readonly defaultDurationSeconds?: number;
  /** Of several workflows that match, the highest wins; ties choose the stricter one. Absent means 0. (0…1000) */
  readonly priority?: number;
  /** Seconds from request until a Grant that is not approved is denied. Absent: until its notAfterTime. (60…2592000) */
  readonly approvalDeadlineSeconds?: number;
  /** Seconds from approval until a Grant that did not become live is ended. Absent: until its notAfterTime. (60…2592000) */
  readonly activationDeadlineSeconds?: number;
  /** Steps that must all be approved. Absent or empty: approved at once. (at most 8) */
  readonly approvalSteps?: readonly AccessWorkflowSpecApprovalStep[];
  /** How a live Grant may be extended. Absent: not at all. */
  readonly extension?: AccessWorkflowSpecExtension;
  /** What the Grant's `reason` must look like. Absent: optional, any text. */
  readonly reasonPolicy?: AccessWorkflowSpecReasonPolicy;
  /** Who may skip the approval steps with `urgency: BreakGlass`. Absent: nobody. */
  readonly breakGlass?: AccessWorkflowSpecBreakGlass;
}

/** One step. */
export interface AccessWorkflowSpecApprovalStep {
  /** Name of the step. (at most 63 characters) */
  readonly name: string;
  /** Who may approve this step. One person counts for one step only, also where several name them. (at most 64) */
  readonly approvers: readonly AccessWorkflowSpecApprovalStepApprover[];
  /** How many different approvers must approve. Absent means 1. (1…16) */
  readonly requiredApprovals?: number;
  /** Whether principal or requester may approve their own Grant. Absent means Forbid. */
  readonly selfApproval?: "Forbid" | "Allow";
}

/** One approver. */
export interface AccessWorkflowSpecApprovalStepApprover {
  /** User and Group are those of the Identity Store; Pipeline is a CI identity. */
  readonly kind: "User" | "Group" | "Pipeline";
  /** User name, or display name of the group. (at most 256 characters) */
  readonly name: string;
}

/** How a live Grant may be extended. Absent: not at all. */
export interface AccessWorkflowSpecExtension {
  /** How often. (0…100) */
  readonly maxCount: number;
  /** Length of each extension, in seconds. Absent: the Grant's own durationSeconds. (60…604800) */
  readonly durationSeconds?: number;
  /** Share of the current period, in percent, that must be over before an extension counts: 50 keeps people from extending at once. Absent: at any time while the access is live. (1…99) */
  readonly afterPercent?: number;
}

/** What the Grant's `reason` must look like. Absent: optional, any text. */
export interface AccessWorkflowSpecReasonPolicy {
  /** Whether a reason must be given. */
  readonly requirement: "Required" | "Optional";
  /** Patterns that a given reason must all match. (at most 8) */
  readonly patterns?: readonly AccessWorkflowSpecReasonPolicyPattern[];
}

/** One pattern. */
export interface AccessWorkflowSpecReasonPolicyPattern {
  /** Regular expression (RE2: no look-around, no back-references), found anywhere in the reason. (at most 256 characters) */
  readonly pattern: string;
  /** What the person is told when it does not match. (at most 256 characters) */
  readonly message: string;
}

/** Who may skip the approval steps with `urgency: BreakGlass`. Absent: nobody. */
export interface AccessWorkflowSpecBreakGlass {
  /** People and groups. (at most 64) */
  readonly subjects: readonly AccessWorkflowSpecBreakGlassSubject[];
}

/** One person or group. */
export interface AccessWorkflowSpecBreakGlassSubject {
  /** User and Group are those of the Identity Store. */
  readonly kind: "User" | "Group";
  /** User name, or display name of the group. (at most 256 characters) */
  readonly name: string;
}

/** How the workflow is used. Written by the controller only. */
export interface AccessWorkflowStatus {
  /** The metadata.generation that this status was last settled for. */
  readonly observedGeneration?: number;
  /** The value of the annotation sallyport.dev/reconcile-requested-at that was last acted on. (at most 256 characters) */
  readonly lastHandledReconcileAt?: string;
  /** What is true of the object now, one entry per type (Kubernetes API conventions, typical status properties). (at most 16) */
  readonly conditions?: readonly Condition[];
  /** Availabilities that refer to it. (0…100000) */
  readonly availabilities?: number;
}
