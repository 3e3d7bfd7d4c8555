/**
 * What an API server's refusal, or its silence, comes to. Callers branch on this, never on codes or texts:
 * - `notFound`: the object, or its kind, is not there
 * - `conflict`: another writer was first (resourceVersion, uid or field manager); read again and decide again
 * - `alreadyExists`: the name of a create is taken
 * - `gone`: the resourceVersion or continue token is older than what the server keeps; list again
 * - `resourceVersionTooLarge`: the server has not seen that resourceVersion yet (restart, fail-over); list without one
 * - `tooManyRequests`: slow down; `retryAfterMs` says for how long
 * - `invalid`: the object breaks its schema or a rule
 * - `forbidden`: RBAC or an admission policy says no
 * - `unauthorized`: the credentials are not accepted
 * - `unavailable`: no answer, a cut connection, a timeout or a fault of the server's own; the same request may work later
 * - `refused`: any other answer that sending the same again will not change
 */
export type KubeFailureKind =
  | "notFound"
  | "conflict"
  | "alreadyExists"
  | "gone"
  | "resourceVersionTooLarge"
  | "tooManyRequests"
  | "invalid"
  | "forbidden"
  | "unauthorized"
  | "unavailable"
  | "refused";

/** `reason` of a failure: the answer was longer than the transport takes. */
export const answerTooLong = "TooLong";

/** One cause that an API server names in the details of a Status (meta/v1 StatusCause). */
export interface KubeCause {
  readonly reason: string;
  readonly message: string;
  /** The field it is about, such as `spec.durationSeconds`; empty where it is about no field. */
  readonly field: string;
}

/** A request that did not do what was asked. Its message carries the server's sentence, never headers or credentials. */
export class KubeFailure extends Error {
  readonly kind: KubeFailureKind;
  /** HTTP status; 0 where there was no answer. */
  readonly code: number;
  /** `reason` of the Status (meta/v1), such as `Conflict`, or of the connection, such as `ECONNREFUSED`; empty where none was given. */
  readonly reason: string;
  readonly causes: readonly KubeCause[];
  /** How long the server asks to wait, in milliseconds. */
  readonly retryAfterMs?: number;

  constructor(
    kind: KubeFailureKind,
    message: string,
    parts: {
      readonly code?: number;
      readonly reason?: string;
      readonly causes?: readonly KubeCause[];
      readonly retryAfterMs?: number | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, parts.cause === undefined ? {} : { cause: parts.cause });
    this.name = "KubeFailure";
    this.kind = kind;
    this.code = parts.code ?? 0;
    this.reason = parts.reason ?? "";
    this.causes = parts.causes ?? [];
    if (parts.retryAfterMs !== undefined) {
      this.retryAfterMs = parts.retryAfterMs;
    }
  }
}

/** Whether `thrown` is a failure of an API server, of one of these kinds where any are named. */
export function isKubeFailure(thrown: unknown, ...kinds: readonly KubeFailureKind[]): thrown is KubeFailure {
  return thrown instanceof KubeFailure && (kinds.length === 0 || kinds.includes(thrown.kind));
}
