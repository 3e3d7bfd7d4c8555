import type { Clock, EpochMs } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import type { Kind, ObjectKey } from "#kinds/index.ts";
import type { Priority } from "../queue/priority.ts";

export type { Priority } from "../queue/priority.ts";

/**
 * What one look at an object came to. Exactly one of four, so that "come back later" and "it failed" can never be said at
 * once; `outcome.ts` alone decides what follows from each.
 */
export type Outcome =
  /** Converged: nothing to do until something changes. */
  | { readonly kind: "settled" }
  /**
   * Nothing to do before `untilMs` (epoch): an expiry, a start time, the next poll of an operation of AWS. It is woken at
   * `priority`, `revoke` where absent, since the end of access must not queue behind anything.
   */
  | { readonly kind: "waiting"; readonly untilMs: EpochMs; readonly why: string; readonly priority?: Priority }
  /** A person must change something first: no retry until the object, or one that it depends on, changes. */
  | { readonly kind: "refused"; readonly reason: string; readonly message: string }
  /** It did not work and may work later: retried with back-off, at the priority it had. */
  | { readonly kind: "failed"; readonly error: Error };

/** What a reconciler is given for one run. */
export interface ReconcileContext {
  /** Aborted at the run's deadline and when the loop must stop. */
  readonly signal: AbortSignal;
  /** Carries `controller`, `namespace`, `name` and `reconcileID`, so that all lines of one run can be found. */
  readonly log: Log;
  readonly clock: Clock;
  /** Wall-clock time at which the run began; `decide` gets this one. */
  readonly now: EpochMs;
  /** Asks for a look at another object, or at this one again. Absent where nothing runs beside this run, as in a plan. */
  readonly enqueue?: Enqueue;
}

/** Converges the objects of one kind. It is given a key, never an event: what to do follows from how things are now. */
export interface Reconciler {
  readonly kind: Kind;
  /**
   * Looks at the object, acts, reports. Also called for a key whose object is gone by then, which is not an error.
   * Whatever it throws counts as `failed`. Never runs twice at a time for one key.
   */
  reconcile(key: ObjectKey, context: ReconcileContext): Promise<Outcome>;
  /**
   * Which objects of this reconciler's kind must be looked at because the object `changed`, of any kind, was added,
   * changed or deleted. Answers from memory.
   */
  affectedBy?(changed: ObjectKey): readonly ObjectKey[];
  /**
   * How urgent a change of this object is. Absent, or where it answers undefined: `revoke` for an object that is being
   * deleted, `change` for the others. A Grant that is revoked or has ended by now answers `revoke`.
   */
  priorityOf?(key: ObjectKey, now: EpochMs): Priority | undefined;
}

/** Asks for a look at `key`, at once or after `afterMs`. */
export type Enqueue = (key: ObjectKey, priority: Priority, afterMs?: number) => void;
