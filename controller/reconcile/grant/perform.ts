import { getCondition, type ConditionInput, formatKey, type Grant, type ObjectKey } from "#kinds/index.ts";
import { coerceError } from "#lib/errors.ts";
import { isFailure } from "../../aws/errors.ts";
import { AwsFailure, type AwsFailureClass } from "../../aws/ports.ts";
import type { Outcome, Priority, ReconcileContext } from "../reconciler.ts";
import { performAction, undoSet } from "./act.ts";
import type { ActEnv, StepResult } from "./act-env.ts";
import type { Checks } from "./checks.ts";
import type { Comeback } from "./comeback.ts";
import { liveRetryMs } from "./decide-live.ts";
import type { OwnWrites } from "./own-writes.ts";
import { OperationPace } from "./pace.ts";
import { phaseOf } from "./phase.ts";
import { type FullPlace, fullPlaceOf, quotaMessage, type QuotaLine } from "./quota-line.ts";
import type { GrantReconcilerOptions } from "./reconciler.ts";
import { endedAs, failureMessage, quotaExceeded, retrying, revocationFailed, stalled } from "./situations.ts";
import type { Turns } from "./turns.ts";
import type { Action, Decision, GrantPatch } from "./types.ts";
import { currentExpiry } from "./window.ts";

/** What the reconciler keeps about its Grants beside their status; all of it may be lost with the process. */
export interface Memories {
  readonly own: OwnWrites;
  readonly checks: Checks;
  readonly turns: Turns;
  readonly quota: QuotaLine;
  readonly comeback: Comeback;
}

/** What performing needs of the reconciler. */
export interface PerformerParts extends Memories {
  readonly options: GrantReconcilerOptions;
  readonly get: (key: ObjectKey) => Grant | undefined;
  /** Tells the trail what is on record of the Grant, of which nothing is on record afterwards. */
  readonly tell: (grant: Grant) => Promise<void>;
  readonly write: (grant: Grant, patch: GrantPatch, conditions: readonly ConditionInput[]) => Promise<void>;
}

/** Waits after ConflictException, in milliseconds; AWS updates one role in a second or two. */
const conflictWaitMinMs = 500;
const conflictWaitSpreadMs = 1_000;
/** How soon the taking back of a set that got no place is tried again, in milliseconds. */
const undoRetryMs = 2_000;
/** Who waits for the account's turn or for room is woken. This is for the case that the waking was lost, in milliseconds. */
export const unwokenMs = 10_000;

/** Performs the steps of decisions, and says what follows from their failures. */
export class Performer {
  readonly #parts: PerformerParts;
  readonly #pace = new OperationPace();

  constructor(parts: PerformerParts) {
    this.#parts = parts;
  }

  /** Performs the steps; answers an outcome where they were interrupted, undefined when all are done. */
  async perform(key: ObjectKey, decision: Decision, context: ReconcileContext): Promise<Outcome | undefined> {
    const failures: AwsFailure[] = [];
    const aside: Promise<unknown>[] = [];
    let isUnassigned = true;
    for (const action of decision.actions) {
      context.signal.throwIfAborted();
      if (action.kind === "RecordDeprovisioned") {
        await Promise.all(aside);
      }
      const grant = this.#parts.get(key);
      if (grant === undefined || mustNotFollow(action, failures, isUnassigned)) {
        break;
      }
      const failedBefore = failures.length;
      const step = this.#step(grant, action, decision, context, failures);
      if (action.kind === "TerminateSessions") {
        // Started first, awaited last: a Session Manager that does not answer must not keep the assignment in place.
        aside.push(step);
        continue;
      }
      const interrupted = await step;
      if (action.kind === "DeleteAssignment" || action.kind === "AwaitOperation") {
        isUnassigned &&= failures.length === failedBefore;
      }
      if (interrupted !== undefined) {
        await Promise.all(aside);
        return interrupted === "stop" ? this.#failed(key, failures, context) : interrupted;
      }
    }
    await Promise.all(aside);
    return failures.length === 0 ? undefined : this.#failed(key, failures, context);
  }

  /** Waits for the account's turn or for room: whoever gives it up wakes the next. */
  waitToBeWoken(why: string): Outcome {
    return { kind: "waiting", untilMs: this.#parts.options.clock.now() + unwokenMs, why };
  }

  /** One step, and what it changed in status. Answers undefined where the next one may follow. */
  async #step(
    grant: Grant,
    action: Action,
    { onFailure }: Decision,
    context: ReconcileContext,
    failures: AwsFailure[],
  ): Promise<Outcome | "stop" | undefined> {
    try {
      if (action.kind === "Release" || action.kind === "Forget") {
        await this.#parts.tell(grant);
      }
      const result = await performAction(action, this.#env(grant));
      this.#note(grant, action, result, context);
      await this.#parts.write(grant, patchOf(grant, result), conditionsOf(grant, action, result));
      if (result.refused !== undefined) {
        return refusedOutcome(result.refused, context);
      }
      if (result.failed !== undefined) {
        throw result.failed;
      }
      return result.wait === undefined ? undefined : waitFor(result.wait, context, failures);
    } catch (thrown) {
      if (!isFailure(thrown) && onFailure === "stop") {
        throw thrown;
      }
      // Taking away tries every step: a full disk that takes no tombstone must not keep the assignment.
      const failure = isFailure(thrown) ? thrown : stepFailure(thrown, action, context);
      failures.push(failure);
      this.#noteFailure(grant, action, failure, context);
      return onFailure === "stop" ? "stop" : undefined;
    }
  }

  #env(grant: Grant): ActEnv {
    const { options, own } = this.#parts;
    return {
      ...options,
      grant,
      urgent: phaseOf(grant) === "Revoking",
      pace: this.#pace,
      tags: own.seen(grant)?.set?.tags,
    };
  }

  #note(grant: Grant, action: Action, result: StepResult, context: ReconcileContext): void {
    const { own, checks, turns, quota, options } = this.#parts;
    own.performed(grant, action, result);
    turns.started(grant, action);
    if (["CreatePermissionSet", "PutInlinePolicy", "CreateAssignment", "Provision"].includes(action.kind)) {
      checks.forget(grant);
    }
    if (action.kind === "Activate") {
      checks.looked(grant, "full");
      quota.began(grant);
    }
    if (action.kind === "RecordDeprovisioned") {
      checks.forget(grant);
      quota.freed(grant);
    }
    context.log.debug("step performed", { action: action.kind, grantID: grant.status?.grantID });
    options.onAction?.(grant, action, result);
  }

  #noteFailure(grant: Grant, action: Action, { failure }: AwsFailure, context: ReconcileContext): void {
    if (failure === "busy") {
      this.#parts.turns.note(grant, action, turnWaker(grant, context));
    } else if (!refusals.includes(failure) && changes(action)) {
      // What was on its way may have arrived, or AWS holds something else than is known: it must be looked at.
      this.#parts.own.forget(grant);
    }
  }

  /** Conflicts are ordinary and soon over; anything else is shown and retried with back-off. */
  async #failed(key: ObjectKey, failures: readonly AwsFailure[], context: ReconcileContext): Promise<Outcome> {
    const serious = failures.find(({ failure }) => failure !== "conflict" && failure !== "busy");
    if (serious === undefined) {
      return this.#wait(failures, context);
    }
    const grant = this.#parts.get(key);
    if (grant === undefined) {
      return { kind: "settled" };
    }
    const isRevoking = phaseOf(grant) === "Revoking";
    if (serious.failure === "quota" && phaseOf(grant) === "Provisioning") {
      return this.#quotaReached(grant, context);
    }
    const message = failureMessage(serious);
    const wasActive = getCondition(grant.status?.conditions, "Active")?.status === "True";
    await this.#parts.write(grant, {}, isRevoking ? revocationFailed(message, wasActive) : retrying(message, serious));
    const now = context.clock.now();
    const expiry = isRevoking ? undefined : currentExpiry(grant);
    if (expiry !== undefined) {
      return { kind: "waiting", untilMs: Math.min(expiry, now + liveRetryMs), why: serious.message };
    }
    return this.outcomeOf(key, grant, serious, context);
  }

  /** Fails, unless this Grant is the one that tries for all whether AWS is back. */
  outcomeOf(key: ObjectKey, grant: Grant, failure: AwsFailure, context: ReconcileContext): Outcome {
    const isRevoking = phaseOf(grant) === "Revoking";
    const failing = { isRevoking, wake: (priority: Priority) => context.enqueue?.(key, priority) };
    const { accountID = "" } = grant.status?.external ?? {};
    const probeMs = this.#parts.comeback.failed(formatKey(key), failure, accountID, failing, context.log);
    return probeMs === undefined
      ? { kind: "failed", error: coerceError(failure) }
      : { kind: "waiting", untilMs: context.clock.now() + probeMs, why: failure.message };
  }

  #wait(failures: readonly AwsFailure[], { clock }: ReconcileContext): Outcome {
    const why = failures[0]?.message ?? "a conflict";
    if (failures.every(({ failure }) => failure === "busy")) {
      return this.waitToBeWoken(why);
    }
    const waitMs = conflictWaitMinMs + this.#parts.options.random() * conflictWaitSpreadMs;
    return { kind: "waiting", untilMs: clock.now() + waitMs, why };
  }

  /** Nothing is left half-made: a set that got no place is taken back, and the Grant waits in line for one. */
  async #quotaReached(grant: Grant, context: ReconcileContext): Promise<Outcome> {
    const { quota, write, own } = this.#parts;
    quota.reached(grant, waker(grant, context));
    own.forget(grant);
    const full = fullPlaceOf(grant);
    if (grant.status?.external?.permissionSetARN !== undefined) {
      try {
        const { patch = {}, refused } = await undoSet(this.#env(grant));
        await write(
          grant,
          patchOf(grant, { patch, ...(refused === undefined ? {} : { refused }) }),
          refusedConditions(refused),
        );
      } catch (thrown) {
        context.log.warn("a permission set without a place could not be taken back yet", {
          error: coerceError(thrown),
        });
        return {
          kind: "waiting",
          untilMs: context.clock.now() + undoRetryMs,
          why: "a set without a place to be taken back",
        };
      }
    }
    return this.waitForRoom(grant, full);
  }

  /** Says that there is no room, and waits for it. */
  async waitForRoom(grant: Grant, full: FullPlace): Promise<Outcome> {
    const message = quotaMessage(full, grant);
    await this.#parts.write(grant, {}, quotaExceeded(message, grant.status?.approvalKind));
    return this.waitToBeWoken(message);
  }
}

/** Failures by which AWS says that it has done nothing. */
const refusals: readonly AwsFailureClass[] = ["throttled", "denied", "credentials"];

/** Whether what is known of the set depends on the step. */
function changes({ kind }: Action): boolean {
  return !["TerminateSessions", "TagEnded", "PutTombstone", "ReadRole"].includes(kind);
}

/** Lets the loop come back to the Grant at once. */
export function waker({ metadata, status }: Grant, { enqueue }: ReconcileContext): () => void {
  const { namespace, name } = metadata;
  const priority: Priority = status?.end === undefined ? "change" : "revoke";
  return () => enqueue?.({ kind: "Grant", namespace, name }, priority);
}

/** As `waker`, for an account's turn: the account is idle until the Grant comes, so it comes before those that only begin. */
export function turnWaker({ metadata: { namespace, name } }: Grant, { enqueue }: ReconcileContext): () => void {
  return () => enqueue?.({ kind: "Grant", namespace, name }, "revoke");
}

/** The set's deletion waits for the assignment's, the record for every step. */
function mustNotFollow(action: Action, failures: readonly AwsFailure[], isUnassigned: boolean): boolean {
  return (
    (action.kind === "RecordDeprovisioned" && failures.length > 0) ||
    (action.kind === "DeletePermissionSet" && !isUnassigned)
  );
}

function waitFor(
  wait: { readonly ms: number; readonly why: string },
  context: ReconcileContext,
  failures: readonly AwsFailure[],
): Outcome {
  for (const failure of failures) {
    context.log.warn("a step failed, the next ones go on", { call: failure.call, code: failure.code });
  }
  return { kind: "waiting", untilMs: context.clock.now() + wait.ms, why: wait.why };
}

function refusedOutcome(refused: NonNullable<StepResult["refused"]>, { clock }: ReconcileContext): Outcome {
  const { reason, message, retryMs } = refused;
  return retryMs === undefined
    ? { kind: "refused", reason, message }
    : { kind: "waiting", untilMs: clock.now() + retryMs, why: message, priority: "change" };
}

function stepFailure(thrown: unknown, action: Action, { log }: ReconcileContext): AwsFailure {
  const error = coerceError(thrown);
  log.error("a step failed in the controller itself, the next ones go on", { action: action.kind, error });
  return new AwsFailure("unavailable", error.name, `controller:${action.kind}`, `${action.kind}: ${error.message}`);
}

/** A Grant that is stalled is settled, for the generation that it has. */
function patchOf({ metadata }: Grant, { patch = {}, refused }: StepResult): GrantPatch {
  return refused === undefined ? patch : { ...patch, observedGeneration: metadata.generation ?? 0 };
}

/** What a step alone says of the Grant. That nothing is left is said together with its record, or a reader would see neither. */
function conditionsOf({ status }: Grant, { kind }: Action, { refused }: StepResult): ConditionInput[] {
  return kind === "RecordDeprovisioned"
    ? endedAs(status?.end?.reason ?? "Revoked", status?.end?.message ?? "")
    : refusedConditions(refused);
}

function refusedConditions(refused: StepResult["refused"]): ConditionInput[] {
  return refused === undefined ? [] : stalled(refused.reason, refused.message);
}
