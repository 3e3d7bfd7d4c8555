import { getCondition, type ConditionInput, type Grant, type ObjectKey } from "#kinds/index.ts";
import { coerceError } from "#lib/errors.ts";
import type { Clock, EpochMs } from "#lib/clock.ts";
import { isFailure } from "../../aws/errors.ts";
import { AwsFailure, type AwsPorts } from "../../aws/ports.ts";
import type { Source } from "../../source/source.ts";
import type { Outcome, Priority, ReconcileContext, Reconciler } from "../reconciler.ts";
import { requestedLook } from "../status/annotations.ts";
import { writeObjectStatus } from "../status/write.ts";
import { performAction, type StepResult } from "./act.ts";
import { Deadlines } from "./deadlines.ts";
import { decideGrant } from "./decide.ts";
import { driftCheckPeriodSecondsDefault, liveRetryMs } from "./decide-live.ts";
import { endCause } from "./end-cause.ts";
import { observeGrant, observeSource } from "./observe.ts";
import { phaseOf } from "./phase.ts";
import { retrying, revocationFailed, stalled } from "./situations.ts";
import { Turns } from "./turns.ts";
import type { Action, Decision, GrantPatch } from "./types.ts";
import { currentExpiry } from "./window.ts";

/** What the Grant reconciler needs. */
export interface GrantReconcilerOptions {
  readonly source: Source;
  readonly ports: AwsPorts;
  readonly clock: Clock;
  /** Name of this installation, part of the tags of everything it makes. */
  readonly installation: string;
  /** In [0, 1); jitter of the waits after a conflict. */
  readonly random: () => number;
  /** Called after each write of a Grant's status, with the new object: links and Availabilities follow it. */
  readonly onStatusWritten?: (grant: Grant) => void;
  /** Called after each step that was performed, with what it came to, for the log of changes and for metrics. */
  readonly onAction?: (grant: Grant, action: Action, result: StepResult) => void;
}

/** Rounds of observe, decide, act in one run. New, approve, set up, live are four; more means that nothing converges. */
const roundsMax = 10;
/** Waits after ConflictException, in milliseconds; AWS updates one role in a second or two. */
const conflictWaitMinMs = 500;
const conflictWaitSpreadMs = 1_000;
/** Waits while this process itself uses the account, in milliseconds: asking again costs no call to AWS. */
const busyWaitMinMs = 200;
const busyWaitSpreadMs = 300;

/** Converges Grants: the whole chain from request to revocation. */
export function grantReconciler(options: GrantReconcilerOptions): Reconciler {
  return new GrantReconciler(options);
}

class GrantReconciler implements Reconciler {
  readonly kind = "Grant";
  readonly #options: GrantReconcilerOptions;
  /** When AWS was last looked at in full, by uid, in monotonic milliseconds. Lost with the process: a start looks at everything. */
  readonly #checkedMs = new Map<string, number>();
  readonly #deadlines: Deadlines;
  readonly #turns: Turns;

  constructor(options: GrantReconcilerOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock);
    this.#turns = new Turns(options.ports);
  }

  async reconcile(key: ObjectKey, context: ReconcileContext): Promise<Outcome> {
    const known = this.#get(key);
    if (known !== undefined && this.#turns.isWaiting(known, this.#mustEnd(known))) {
      return this.#inTime(key, this.#waitForTurn("another role of the account is being updated"));
    }
    try {
      return this.#inTime(key, await this.#converge(key, context));
    } catch (thrown) {
      return this.#retryInTime(key, coerceError(thrown), context);
    } finally {
      if (known !== undefined) {
        this.#turns.settle(known);
      }
    }
  }

  async #converge(key: ObjectKey, context: ReconcileContext): Promise<Outcome> {
    for (let round = 0; round < roundsMax; round += 1) {
      const grant = this.#get(key);
      if (grant === undefined) {
        return { kind: "settled" };
      }
      const decision = await this.#decide(grant, context);
      await this.#write(grant, decision.patch, decision.conditions);
      const interrupted = await this.#perform(key, decision, context);
      if (interrupted !== undefined) {
        return interrupted;
      }
      if (decision.patch.end !== undefined && decision.next.kind === "again") {
        // Everybody's end is put on record, and told to the proxies, before AWS is called for anybody's: it may not answer.
        return { kind: "waiting", untilMs: context.clock.now() + 1, why: "the end is on record" };
      }
      if (decision.next.kind !== "again") {
        return decision.next;
      }
    }
    throw new Error(`a grant did not converge in ${roundsMax} rounds`);
  }

  affectedBy(changed: ObjectKey): readonly ObjectKey[] {
    if (changed.kind === "Grant") {
      return [];
    }
    return this.#options.source.list("Grant").flatMap(({ object }) => {
      const { namespace, name } = object.metadata;
      const isAffected = namespace === changed.namespace && this.#dependsOn(object, changed);
      return isAffected ? [{ kind: "Grant" as const, namespace, name }] : [];
    });
  }

  priorityOf(key: ObjectKey, now: EpochMs): Priority | undefined {
    const grant = this.#get(key);
    if (grant === undefined || phaseOf(grant) === "Ended") {
      return undefined;
    }
    const isOver = phaseOf(grant) === "Revoking" || endCause(observeSource(grant, this.#options, now)) !== undefined;
    return isOver ? "revoke" : undefined;
  }

  /** No wait goes beyond the end of a live window, whatever the wall clock says now. */
  #inTime(key: ObjectKey, outcome: Outcome): Outcome {
    const grant = this.#get(key);
    return outcome.kind === "waiting" && grant !== undefined
      ? { ...outcome, untilMs: this.#deadlines.bounded(grant, outcome.untilMs) }
      : outcome;
  }

  /** A live Grant's end is never put behind a back-off, whatever failed. */
  #retryInTime(key: ObjectKey, error: Error, { clock, log }: ReconcileContext): Outcome {
    const grant = this.#get(key);
    if (grant === undefined || phaseOf(grant) !== "Live") {
      throw error;
    }
    log.error("a live grant could not be looked after, will retry", { error, stack: error.stack });
    return this.#inTime(key, { kind: "waiting", untilMs: clock.now() + liveRetryMs, why: error.message });
  }

  #waitForTurn(why: string): Outcome {
    const { clock, random } = this.#options;
    return { kind: "waiting", untilMs: clock.now() + busyWaitMinMs + random() * busyWaitSpreadMs, why };
  }

  /** Whether the Grant gives nothing any more, by what is known without a call to AWS. */
  #mustEnd(grant: Grant): boolean {
    const input = observeSource(grant, this.#options, this.#deadlines.nowFor(grant));
    return grant.spec.suspend === true || endCause(input) !== undefined;
  }

  #dependsOn(grant: Grant, changed: ObjectKey): boolean {
    if (phaseOf(grant) === "Ended") {
      return false;
    }
    if (changed.kind === "Database") {
      return grant.spec.databaseRef.name === changed.name;
    }
    if (changed.kind === "Proxy") {
      const { namespace } = grant.metadata;
      const database = this.#options.source.get("Database", namespace, grant.spec.databaseRef.name);
      return [grant.status?.target?.proxy, database?.object.spec.proxyRef.name].includes(changed.name);
    }
    if (changed.kind === "GrantReview") {
      const review = this.#options.source.get("GrantReview", changed.namespace, changed.name);
      return review === undefined || review.object.spec.grantRef.name === grant.metadata.name;
    }
    return true;
  }

  #get({ namespace, name }: ObjectKey): Grant | undefined {
    return this.#options.source.get("Grant", namespace, name)?.object;
  }

  async #decide(grant: Grant, context: ReconcileContext): Promise<Decision> {
    const { source } = this.#options;
    const uid = grant.metadata.uid ?? "";
    const now = this.#deadlines.nowFor(grant);
    const nowMs = context.clock.monotonicMs();
    const checkedMs = this.#checkedMs.get(uid);
    const checkedAt = checkedMs === undefined ? undefined : now - (nowMs - checkedMs);
    const proxyName = grant.status?.target?.proxy ?? "";
    const proxy = source.get("Proxy", grant.metadata.namespace, proxyName)?.object;
    const periodMs = (proxy?.spec.driftCheckPeriodSeconds ?? driftCheckPeriodSecondsDefault) * 1_000;
    const asked = requestedLook(grant.metadata) !== grant.status?.lastHandledReconcileAt;
    const isAdrift = getCondition(grant.status?.conditions, "Ready")?.reason === "DriftDetected";
    const checkDue = checkedAt === undefined || now >= checkedAt + periodMs || asked || isAdrift;
    const input = await observeGrant(grant, this.#options, { now, checkedAt, checkDue });
    if (input.aws !== undefined && input.checkedAt === now) {
      this.#checkedMs.set(uid, nowMs);
    }
    return decideGrant(input);
  }

  /** Performs the steps; answers an outcome where they were interrupted, undefined when all are done. */
  async #perform(key: ObjectKey, decision: Decision, context: ReconcileContext): Promise<Outcome | undefined> {
    const failures: AwsFailure[] = [];
    const aside: Promise<unknown>[] = [];
    for (const action of decision.actions) {
      context.signal.throwIfAborted();
      if (action.kind === "RecordDeprovisioned") {
        await Promise.all(aside);
      }
      const grant = this.#get(key);
      if (grant === undefined || (action.kind === "RecordDeprovisioned" && failures.length > 0)) {
        break;
      }
      const step = this.#step(grant, action, decision, context, failures);
      if (action.kind === "TerminateSessions") {
        // Started first, awaited last: a Session Manager that does not answer must not keep the assignment in place.
        aside.push(step);
        continue;
      }
      const interrupted = await step;
      if (interrupted !== undefined) {
        await Promise.all(aside);
        return interrupted === "stop" ? this.#failed(key, failures, context) : interrupted;
      }
    }
    await Promise.all(aside);
    return failures.length === 0 ? undefined : this.#failed(key, failures, context);
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
      const result = await performAction(action, { ...this.#options, grant, urgent: phaseOf(grant) === "Revoking" });
      this.#noteAction(grant, action, result, context);
      await this.#write(grant, result.patch ?? {}, refusedConditions(result.refused));
      if (result.refused !== undefined) {
        return { kind: "refused", ...result.refused };
      }
      if (result.failed !== undefined) {
        throw result.failed;
      }
      return result.wait === undefined ? undefined : this.#waitFor(result.wait, context, failures);
    } catch (thrown) {
      if (!isFailure(thrown) && onFailure === "stop") {
        throw thrown;
      }
      // Taking away tries every step: a full disk that takes no tombstone must not keep the assignment.
      const failure = isFailure(thrown) ? thrown : stepFailure(thrown, action, context);
      failures.push(failure);
      if (failure.failure === "busy") {
        this.#turns.note(grant, action);
      }
      return onFailure === "stop" ? "stop" : undefined;
    }
  }

  #noteAction(grant: Grant, action: Action, result: StepResult, context: ReconcileContext): void {
    const uid = grant.metadata.uid ?? "";
    this.#turns.started(grant, action);
    if (["CreatePermissionSet", "PutInlinePolicy", "CreateAssignment", "Provision"].includes(action.kind)) {
      this.#checkedMs.delete(uid);
    }
    if (action.kind === "Activate") {
      this.#checkedMs.set(uid, context.clock.monotonicMs());
    }
    if (action.kind === "RecordDeprovisioned") {
      this.#checkedMs.delete(uid);
    }
    context.log.debug("step performed", { action: action.kind, grantID: grant.status?.grantID });
    this.#options.onAction?.(grant, action, result);
  }

  #waitFor(
    wait: { readonly ms: number; readonly why: string },
    context: ReconcileContext,
    failures: readonly AwsFailure[],
  ): Outcome {
    for (const failure of failures) {
      context.log.warn("a step failed, the next ones go on", { call: failure.call, code: failure.code });
    }
    return { kind: "waiting", untilMs: context.clock.now() + wait.ms, why: wait.why };
  }

  /** Conflicts are ordinary and soon over; anything else is shown and retried with back-off. */
  async #failed(key: ObjectKey, failures: readonly AwsFailure[], context: ReconcileContext): Promise<Outcome> {
    const serious = failures.find(({ failure }) => failure !== "conflict" && failure !== "busy");
    const now = context.clock.now();
    if (serious === undefined) {
      const why = failures[0]?.message ?? "a conflict";
      if (failures.every(({ failure }) => failure === "busy")) {
        return this.#waitForTurn(why);
      }
      const waitMs = conflictWaitMinMs + this.#options.random() * conflictWaitSpreadMs;
      return { kind: "waiting", untilMs: now + waitMs, why };
    }
    const grant = this.#get(key);
    if (grant === undefined) {
      return { kind: "settled" };
    }
    const isRevoking = phaseOf(grant) === "Revoking";
    const conditions = isRevoking
      ? revocationFailed(serious.message, getCondition(grant.status?.conditions, "Active")?.status === "True")
      : retrying(serious.message);
    await this.#write(grant, {}, conditions);
    const expiry = isRevoking ? undefined : currentExpiry(grant);
    return expiry === undefined
      ? { kind: "failed", error: coerceError(serious) }
      : { kind: "waiting", untilMs: Math.min(expiry, now + liveRetryMs), why: serious.message };
  }

  /** The one place that writes a Grant's status. */
  async #write(grant: Grant, patch: GrantPatch, conditions: readonly ConditionInput[]): Promise<void> {
    const { source, clock, onStatusWritten } = this.#options;
    const wanted = conditions.find((condition) => condition.type === "Active")?.status;
    const known = getCondition(grant.status?.conditions, "Active")?.status;
    // Availabilities count live access: they must hear when it begins and ends.
    const notify = wanted !== undefined && wanted !== known && (wanted === "True" || known === "True");
    const failure = await writeObjectStatus<Grant>(source, grant, { patch, conditions, notify }, clock).catch(
      coerceError,
    );
    const { namespace, name, uid } = grant.metadata;
    const written = source.get("Grant", namespace, name)?.object;
    if (written !== undefined && written.metadata.uid === uid && written.status !== grant.status) {
      onStatusWritten?.(written);
    }
    // An end is in force before it is on the disk, where the source keeps it in memory: what follows from it must not wait.
    if (failure instanceof Error && written?.status?.end === undefined) {
      throw failure;
    }
  }
}

function stepFailure(thrown: unknown, action: Action, { log }: ReconcileContext): AwsFailure {
  const error = coerceError(thrown);
  log.error("a step failed in the controller itself, the next ones go on", { action: action.kind, error });
  return new AwsFailure("unavailable", error.name, `controller:${action.kind}`, `${action.kind}: ${error.message}`);
}

function refusedConditions(
  refused: { readonly reason: string; readonly message: string } | undefined,
): ConditionInput[] {
  return refused === undefined ? [] : stalled(refused.reason, refused.message);
}
