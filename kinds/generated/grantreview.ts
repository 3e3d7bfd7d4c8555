// Generated from crds/ by `npm run generate`. Do not edit: change the CRD and generate again.
import type { ObjectMeta } from "../meta.ts";
import type { Condition } from "./condition.ts";

/** One reviewer's decision on one Grant. It pins a digest of what it approves, so it cannot approve a changed or re-created Grant. */
export interface GrantReview {
  readonly apiVersion: "sallyport.dev/v1alpha1";
  readonly kind: "GrantReview";
  readonly metadata: ObjectMeta;
  readonly spec: GrantReviewSpec;
  readonly status?: GrantReviewStatus;
}

/** The decision. Immutable as a whole. */
export interface GrantReviewSpec {
  /** The Grant that is decided on. */
  readonly grantRef: GrantReviewSpecGrantRef;
  /** What is decided on, as the Grant's status.review.digest, the review page and the command line show it. (at most 71 characters) */
  readonly grantDigest: string;
  /** Deny is final; Approve counts towards the step. Deleting the GrantReview undoes neither. */
  readonly decision: "Approve" | "Deny";
  /** Approval step that the decision is for. Absent: the step that is waiting. (at most 63 characters) */
  readonly step?: string;
  /** Who decides: written by the control API, or by whoever creates the review, whom the admission policy then holds to their own name. Absent in a file: the pipeline that brought it. */
  readonly reviewer?: GrantReviewSpecReviewer;
  /** The reviewer's words, kept in the record. (at most 2048 characters) */
  readonly comment?: string;
}

/** The Grant that is decided on. */
export interface GrantReviewSpecGrantRef {
  /** Name of the Grant, in the same namespace. (at most 63 characters) */
  readonly name: string;
}

/** Who decides: written by the control API, or by whoever creates the review, whom the admission policy then holds to their own name. Absent in a file: the pipeline that brought it. */
export interface GrantReviewSpecReviewer {
  /** Pipeline is a CI identity, as AccessWorkflows name it. Absent means User, a person of the Identity Store. */
  readonly kind?: "User" | "Pipeline";
  /** User name of the person, or name of the pipeline. (at most 256 characters) */
  readonly username: string;
}

/** Whether and how the review counted. Written by the controller only. */
export interface GrantReviewStatus {
  /** The metadata.generation that this status was last settled for. */
  readonly observedGeneration?: number;
  /** The value of the annotation sallyport.dev/reconcile-requested-at that was last acted on. (at most 256 characters) */
  readonly lastHandledReconcileAt?: string;
  /** What is true of the object now, one entry per type (Kubernetes API conventions, typical status properties). (at most 16) */
  readonly conditions?: readonly Condition[];
}
