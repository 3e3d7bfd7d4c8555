// Generated from crds/ by `npm run generate`. Do not edit: change the CRD and generate again.
import type { ObjectMeta } from "../meta.ts";
import type { Condition } from "./condition.ts";

/** Who may ask for which roles on which databases, under which workflow. */
export interface Availability {
  readonly apiVersion: "sallyport.dev/v1alpha1";
  readonly kind: "Availability";
  readonly metadata: ObjectMeta;
  readonly spec: AvailabilitySpec;
  readonly status?: AvailabilityStatus;
}

/** The offer. Exactly one of `databaseRefs` and `databaseSelector` is set. */
export interface AvailabilitySpec {
  /** Who may ask. (at most 64) */
  readonly subjects: readonly AvailabilitySpecSubject[];
  /** The AccessWorkflow that applies. */
  readonly workflowRef: AvailabilitySpecWorkflowRef;
  /** Names of the roles that may be asked for. (at most 32) */
  readonly roleNames: readonly string[];
  /** The databases, by name. (at most 64) */
  readonly databaseRefs?: readonly AvailabilitySpecDatabaseRef[];
  /** The databases, by their labels. It must name at least one label: an empty selector would match everything. */
  readonly databaseSelector?: AvailabilitySpecDatabaseSelector;
  /** Offers nothing new while true. Absent means false. */
  readonly suspend?: boolean;
}

/** One person or group. */
export interface AvailabilitySpecSubject {
  /** User and Group are those of the Identity Store. */
  readonly kind: "User" | "Group";
  /** User name, or display name of the group. (at most 256 characters) */
  readonly name: string;
}

/** The AccessWorkflow that applies. */
export interface AvailabilitySpecWorkflowRef {
  /** Name of the AccessWorkflow, in the same namespace. (at most 63 characters) */
  readonly name: string;
}

/** One Database. */
export interface AvailabilitySpecDatabaseRef {
  /** Name of the Database, in the same namespace. (at most 63 characters) */
  readonly name: string;
}

/** The databases, by their labels. It must name at least one label: an empty selector would match everything. */
export interface AvailabilitySpecDatabaseSelector {
  /** Labels that a Database must all carry. */
  readonly matchLabels?: { readonly [key: string]: string };
  /** Requirements that a Database must all meet. (at most 16) */
  readonly matchExpressions?: readonly AvailabilitySpecDatabaseSelectorMatchExpression[];
}

/** One requirement. */
export interface AvailabilitySpecDatabaseSelectorMatchExpression {
  /** Label key. (at most 317 characters) */
  readonly key: string;
  /** How the label's value is compared with `values`. */
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  /** Values for In and NotIn; absent for Exists and DoesNotExist. (at most 64) */
  readonly values?: readonly string[];
}

/** What the offer matches. Written by the controller only. */
export interface AvailabilityStatus {
  /** The metadata.generation that this status was last settled for. */
  readonly observedGeneration?: number;
  /** The value of the annotation sallyport.dev/reconcile-requested-at that was last acted on. (at most 256 characters) */
  readonly lastHandledReconcileAt?: string;
  /** What is true of the object now, one entry per type (Kubernetes API conventions, typical status properties). (at most 16) */
  readonly conditions?: readonly Condition[];
  /** Databases that match. (0…100000) */
  readonly matchedDatabases?: number;
  /** Grants that are live through it. (0…1000000) */
  readonly activeGrants?: number;
}
