// Generated from crds/ by `npm run generate`. Do not edit: change the CRD and generate again.
import type { ObjectMeta } from "../meta.ts";
import type { Condition } from "./condition.ts";

/** One person's time-limited access to one role on one database. The spec is the request, the status is the record of what was done about it. */
export interface Grant {
  readonly apiVersion: "sallyport.dev/v1alpha1";
  readonly kind: "Grant";
  readonly metadata: ObjectMeta;
  readonly spec: GrantSpec;
  readonly status?: GrantStatus;
}

/** Who asks for what, for how long, and why. Sallyport never writes it. */
export interface GrantSpec {
  /** The person who gets access. Immutable. */
  readonly principal: GrantSpecPrincipal;
  /** The Database. Immutable. */
  readonly databaseRef: GrantSpecDatabaseRef;
  /** Name of one entry of the Database's `roles`. Immutable. (at most 63 characters) */
  readonly roleName: string;
  /** The Availability that allows this Grant. Absent: of those that match, the one whose workflow has the highest priority. Immutable. */
  readonly availabilityRef?: GrantSpecAvailabilityRef;
  /** Requested length of access, in seconds from activation (60 seconds to 7 days). May only be lowered; `extensionCount` lengthens. (60…604800) */
  readonly durationSeconds: number;
  /** How often the access was extended. Absent means 0. May rise by 1 at a time and never falls; the workflow's `extension` says how often and for how long. (0…100) */
  readonly extensionCount?: number;
  /** Not before this instant (RFC 3339). Absent: as soon as approved. It is approved first and waits then. May be added, and only move later: reviewers have seen the earlier one. (RFC 3339) */
  readonly startTime?: string;
  /** The Grant can never outlive this instant (RFC 3339), extensions included. May only move earlier. Applying the same object after it has ended gives no new access before this instant. (RFC 3339) */
  readonly notAfterTime: string;
  /** Why the access is needed, a ticket for instance. Checked against the workflow's `reasonPolicy`. (at most 2048 characters) */
  readonly reason?: string;
  /** Who asked: written by the control API, or by whoever creates the Grant, whom the admission policy then holds to their own name. Absent: the pipeline that brought it. Immutable. */
  readonly requester?: GrantSpecRequester;
  /** BreakGlass asks for access without waiting for approval, where the workflow's `breakGlass` allows it. Absent means Normal. Immutable. */
  readonly urgency?: "Normal" | "BreakGlass";
  /** Ends the access early and keeps the record. Write-once: it may not be changed or removed. */
  readonly revocation?: GrantSpecRevocation;
  /** Holds provisioning while true. Revocation and expiry are never held. Absent means false. */
  readonly suspend?: boolean;
  /** Seconds after the end until the object may be deleted. Absent: never. Ignored on objects that a GitOps tool tracks. (0…31536000) */
  readonly ttlSecondsAfterFinished?: number;
}

/** The person who gets access. Immutable. */
export interface GrantSpecPrincipal {
  /** User name in the Identity Store of IAM Identity Center. (at most 128 characters) */
  readonly name: string;
}

/** The Database. Immutable. */
export interface GrantSpecDatabaseRef {
  /** Name of the Database, in the same namespace. (at most 63 characters) */
  readonly name: string;
}

/** The Availability that allows this Grant. Absent: of those that match, the one whose workflow has the highest priority. Immutable. */
export interface GrantSpecAvailabilityRef {
  /** Name of the Availability, in the same namespace. (at most 63 characters) */
  readonly name: string;
}

/** Who asked: written by the control API, or by whoever creates the Grant, whom the admission policy then holds to their own name. Absent: the pipeline that brought it. Immutable. */
export interface GrantSpecRequester {
  /** User name of the requester. (at most 256 characters) */
  readonly username: string;
}

/** Ends the access early and keeps the record. Write-once: it may not be changed or removed. */
export interface GrantSpecRevocation {
  /** Why the access was taken away. (at most 1024 characters) */
  readonly reason: string;
}

/** What was approved, given and taken away. Written by the controller only. */
export interface GrantStatus {
  /** The metadata.generation that this status was last settled for. */
  readonly observedGeneration?: number;
  /** The value of the annotation sallyport.dev/reconcile-requested-at that was last acted on. (at most 256 characters) */
  readonly lastHandledReconcileAt?: string;
  /** What is true of the object now, one entry per type (Kubernetes API conventions, typical status properties). (at most 16) */
  readonly conditions?: readonly Condition[];
  /** `g` followed by the lower-case base32 of the object's uid; the name of the permission set and of the AWS role. (at most 32 characters) */
  readonly grantID?: string;
  /** When the controller first saw the Grant. (RFC 3339) */
  readonly requestTime?: string;
  /** When the last needed approval arrived, or when the workflow approved by itself. (RFC 3339) */
  readonly approvalTime?: string;
  /** How it was approved. Automatic: the workflow asks for no review. BreakGlass: the steps were skipped by right. */
  readonly approvalKind?: "Automatic" | "Reviewed" | "BreakGlass";
  /** When access was first usable; the window is counted from here. (RFC 3339) */
  readonly activationTime?: string;
  /** The end of the window: the earlier of activation plus duration (extensions included) and notAfterTime. Computed once per extension. (RFC 3339) */
  readonly expiryTime?: string;
  /** Extensions that were allowed and are part of the window. Absent means 0. (0…100) */
  readonly extensionCount?: number;
  /** When access ended for good. An ended Grant never becomes live again. (RFC 3339) */
  readonly endTime?: string;
  /** When everything given in AWS was confirmed to be taken away. (RFC 3339) */
  readonly deprovisionTime?: string;
  /** The Availability that was used. */
  readonly availability?: GrantStatusAvailability;
  /** The workflow as it was when the Grant was approved; later edits do not lengthen live access. */
  readonly workflow?: GrantStatusWorkflow;
  /** The person, resolved once. */
  readonly principal?: GrantStatusPrincipal;
  /** What was approved. Changing any of it in the Database ends the Grant. */
  readonly target?: GrantStatusTarget;
  /** Everything that taking the access away needs; written before access is given. */
  readonly external?: GrantStatusExternal;
  /** A revocation asked for through the control API; the spec is never written. */
  readonly endRequest?: GrantStatusEndRequest;
  /** An extension asked for through the control API; the spec is never written. */
  readonly extendRequest?: GrantStatusExtendRequest;
  /** What reviewers decide on, once the Grant waits for them. */
  readonly review?: GrantStatusReview;
  /** Why and when the access ended. */
  readonly end?: GrantStatusEnd;
  /** The reviews that counted, in the order they were taken up. Nothing is ever removed, also where a GrantReview is deleted. (at most 128) */
  readonly approvals?: readonly GrantStatusApproval[];
}

/** The Availability that was used. */
export interface GrantStatusAvailability {
  /** Name of the Availability, in the same namespace. (at most 63 characters) */
  readonly name: string;
  /** Its subjects by which the person was entitled at approval, at most 4. Whoever is none of them any more, and none of those that it names now, loses the access. (at most 4) */
  readonly subjects?: readonly GrantStatusAvailabilitySubject[];
}

/** One user or group. */
export interface GrantStatusAvailabilitySubject {
  /** User and Group are those of the Identity Store. */
  readonly kind: "User" | "Group";
  /** User name, or display name of the group. (at most 256 characters) */
  readonly name: string;
}

/** The workflow as it was when the Grant was approved; later edits do not lengthen live access. */
export interface GrantStatusWorkflow {
  /** Name of the AccessWorkflow. (at most 63 characters) */
  readonly name: string;
  /** Its metadata.generation at approval. */
  readonly generation: number;
  /** Digest of its spec at approval; another spec ends the Grant. Absent means that the generation is compared. (at most 71 characters) */
  readonly digest?: string;
  /** Its maximum, in seconds. (60…604800) */
  readonly maxDurationSeconds: number;
  /** Its extension rule at approval. Absent means that the access cannot be extended. */
  readonly extension?: GrantStatusWorkflowExtension;
  /** Its break-glass subjects that the person was one of at approval, at most 4. Absent where no step was skipped. (at most 4) */
  readonly breakGlassSubjects?: readonly GrantStatusWorkflowBreakGlassSubject[];
}

/** Its extension rule at approval. Absent means that the access cannot be extended. */
export interface GrantStatusWorkflowExtension {
  /** How often. (0…100) */
  readonly maxCount: number;
  /** Length of each extension, in seconds. (60…604800) */
  readonly durationSeconds: number;
  /** Share of the current period, in percent, that must be over before an extension counts. Absent: none. (1…99) */
  readonly afterPercent?: number;
}

/** One user or group. */
export interface GrantStatusWorkflowBreakGlassSubject {
  /** User and Group are those of the Identity Store. */
  readonly kind: "User" | "Group";
  /** User name, or display name of the group. (at most 256 characters) */
  readonly name: string;
}

/** The person, resolved once. */
export interface GrantStatusPrincipal {
  /** Identity Store user ID. (at most 64 characters) */
  readonly userID: string;
  /** User name at that moment. (at most 128 characters) */
  readonly userName: string;
}

/** What was approved. Changing any of it in the Database ends the Grant. */
export interface GrantStatusTarget {
  /** Database engine. */
  readonly engine: "PostgreSQL" | "MySQL" | "MariaDB";
  /** Resolved host of the database. (at most 253 characters) */
  readonly host: string;
  /** Resolved port of the database. (1…65535) */
  readonly port: number;
  /** Database inside the server. (at most 64 characters) */
  readonly databaseName: string;
  /** Database user that the proxy signs in as. (at most 63 characters) */
  readonly username: string;
  /** Role of the Database that was granted. (at most 63 characters) */
  readonly roleName: string;
  /** Secrets Manager secret with the password. Absent: IAM database authentication. (at most 1024 characters) */
  readonly secretARN?: string;
  /** Name of the Proxy. (at most 63 characters) */
  readonly proxy: string;
  /** How the server's certificate is checked. */
  readonly tlsMode: "VerifyFull" | "VerifyCA";
  /** Port suggested to the person's computer. (1024…65535) */
  readonly localPort?: number;
}

/** Everything that taking the access away needs; written before access is given. */
export interface GrantStatusExternal {
  /** IAM Identity Center instance. (at most 1024 characters) */
  readonly instanceARN: string;
  /** Its Identity Store. (at most 64 characters) */
  readonly identityStoreID: string;
  /** Region of the instance. (at most 32 characters) */
  readonly region: string;
  /** AWS account of the assignment. (at most 12 characters) */
  readonly accountID: string;
  /** Region of the proxy's tasks, where sessions are ended. Absent means the region of the instance. (at most 32 characters) */
  readonly taskRegion?: string;
  /** Role that the controller takes in that account. Absent means its own credentials. (at most 1024 characters) */
  readonly assumeRoleARN?: string;
  /** External ID with which it takes the role. Absent: the installation's own. (at most 1224 characters) */
  readonly externalID?: string;
  /** The Grant's own permission set. (at most 1024 characters) */
  readonly permissionSetARN?: string;
  /** Identity Store user ID of the assignment. (at most 64 characters) */
  readonly principalID: string;
  /** RoleId (AROA…) of the provisioned role. (at most 128 characters) */
  readonly roleID?: string;
  /** Name of the provisioned role. (at most 64 characters) */
  readonly roleName?: string;
  /** The asynchronous operation in flight. */
  readonly operation?: GrantStatusExternalOperation;
}

/** The asynchronous operation in flight. */
export interface GrantStatusExternalOperation {
  /** What was asked of AWS. */
  readonly kind: "CreateAssignment" | "DeleteAssignment" | "Provision";
  /** AWS's identifier of the operation. (at most 128 characters) */
  readonly requestID: string;
  /** When it was asked. (RFC 3339) */
  readonly startTime: string;
}

/** A revocation asked for through the control API; the spec is never written. */
export interface GrantStatusEndRequest {
  /** Why. (at most 1024 characters) */
  readonly reason: string;
  /** Who asked. (at most 256 characters) */
  readonly by: string;
  /** When. (RFC 3339) */
  readonly time: string;
}

/** An extension asked for through the control API; the spec is never written. */
export interface GrantStatusExtendRequest {
  /** Extensions that the window shall have in all, as spec.extensionCount; the greater of the two counts. (1…100) */
  readonly count: number;
  /** Who asked. (at most 256 characters) */
  readonly by: string;
  /** When. (RFC 3339) */
  readonly time: string;
}

/** What reviewers decide on, once the Grant waits for them. */
export interface GrantStatusReview {
  /** What a GrantReview must state as its grantDigest. It covers the Grant's uid, what can never change of its spec, its reason, the workflow's rules, and the database, user and secret that would be reached: where any of these changes, it is another one, and approvals of the earlier one count no more. (at most 71 characters) */
  readonly digest: string;
  /** Name of the AccessWorkflow whose steps must be approved. (at most 63 characters) */
  readonly workflow: string;
  /** Until when it must be approved. Absent: until the Grant's notAfterTime. (RFC 3339) */
  readonly deadlineTime?: string;
}

/** Why and when the access ended. */
export interface GrantStatusEnd {
  /** CamelCase cause: Expired, Revoked, Deleted, TargetChanged, PrincipalGone and so on. (at most 128 characters) */
  readonly reason: string;
  /** The cause in words, shown to the person. (at most 4096 characters) */
  readonly message: string;
  /** When. (RFC 3339) */
  readonly time: string;
}

/** One counted review. */
export interface GrantStatusApproval {
  /** Approval step it counted for. (at most 63 characters) */
  readonly step: string;
  /** Who decided. (at most 256 characters) */
  readonly reviewer: string;
  /** Identity Store user ID of the person who decided. Names change and are given to others; this stays. Absent for a pipeline. (at most 64 characters) */
  readonly reviewerID?: string;
  /** Whether that is a person or a pipeline. Absent means User. */
  readonly reviewerKind?: "User" | "Pipeline";
  /** What was decided on (`review.digest` of that moment). An approval counts while this is the current one. (at most 71 characters) */
  readonly digest?: string;
  /** What was decided. */
  readonly decision: "Approve" | "Deny";
  /** When it was counted. (RFC 3339) */
  readonly time: string;
  /** Name of the GrantReview. (at most 63 characters) */
  readonly review?: string;
  /** The reviewer's words. (at most 2048 characters) */
  readonly comment?: string;
}
