// Generated from crds/ by `npm run generate`. Do not edit: change the CRD and generate again.
/** One observation about the object. */
export interface Condition {
  /** CamelCase name of the condition, such as Ready or Active. (at most 316 characters) */
  readonly type: string;
  /** Whether the condition holds; Unknown when it could not be observed. */
  readonly status: "True" | "False" | "Unknown";
  /** The metadata.generation that the condition was computed from. */
  readonly observedGeneration?: number;
  /** When `status` last changed. A change of reason or message alone does not move it. (RFC 3339) */
  readonly lastTransitionTime: string;
  /** CamelCase cause, stable and meant for programs. (at most 1024 characters) */
  readonly reason: string;
  /** What a person should know: what happened, why, and what to do. May be empty. (at most 32768 characters) */
  readonly message: string;
}
