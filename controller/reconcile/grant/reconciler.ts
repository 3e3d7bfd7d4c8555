import {
  formatKey,
  getCondition,
  type ConditionInput,
  type Grant,
  type GrantStatus,
  type ObjectKey,
  type Proxy,
} from "#kinds/index.ts";
import type { NewTrailEvent, Trail } from "#audit/event/trail.ts";
import type { Log } from "#lib/log.ts";
import { coerceError } from "#lib/errors.ts";
import type { Clock, EpochMs } from "#lib/clock.ts";
import type { IdentityTrust } from "../../admission/identity-trust.ts";
import { isFailure } from "../../aws/errors.ts";
import type { AwsPorts } from "../../aws/ports.ts";
import type { Source } from "../../source/source.ts";
import { recordedEvents, transitionsOf } from "../../trail/emit.ts";
import { toldAgainMaxMs } from "../../trail/telling.ts";
import { logFailure } from "../outcome.ts";
import type { Outcome, Priority, ReconcileContext, Reconciler } from "../reconciler.ts";
import { requestedLook } from "../status/annotations.ts";
import { applyPatch, withConditions } from "../status/patch.ts";
import { writeObjectStatus } from "../status/write.ts";
import type { StepResult } from "./act-env.ts";
import { Checks } from "./checks.ts";
import { Comeback } from "./comeback.ts";
import { Deadlines } from "./deadlines.ts";
import { decideGrant } from "./decide.ts";
import { liveRetryMs } from "./decide-live.ts";
import { endCause } from "./end-cause.ts";
import { observeGrant, observeSource } from "./observe.ts";
import { OwnWrites } from "./own-writes.ts";
import { type Memories, Performer, turnWaker, waker } from "./perform.ts";
import { phaseOf } from "./phase.ts";
import { QuotaLine } from "./quota-line.ts";
import { isRetryReason } from "./situations.ts";
import { Turns } from "./turns.ts";
import type { Action, Decision, GrantPatch } from "./types.ts";

/** What the Grant reconciler needs. */
export interface GrantReconcilerOptions {
  readonly source: Source;
  readonly ports: AwsPorts;
  readonly clock: Clock;
  /** Name of this installation, part of the tags of everything it makes. */
  readonly installation: string;
  /** How long before its end a person is warned. Absent: the usual time. */
  readonly warnBeforeEndMs?: number;
  /** Whose word counts. Absent: nobody asks for it. */
  readonly identity?: IdentityTrust;
  /** In [0, 1); jitter of the waits after a conflict. */
  readonly random: () => number;
  /** See `settleMs`, which it is where absent. */
  readonly settleMs?: number;
  /** Keeps what becomes of Grants. Absent: nothing is kept, as in a plan. */
  readonly trail?: Trail;
  /** For what the trail could not keep. */
  readonly log?: Pick<Log, "error">;
  /** Called when the trail has not taken what is on record: it must be told again. */
  readonly onUntold?: () => void;
  /** Called after each write of a Grant's status, with the new object: links and Availabilities follow it. */
  readonly onStatusWritten?: (grant: Grant) => void;
  /** Called after each step that was performed, with what it came to, for the log of changes and for metrics. */
  readonly onAction?: (grant: Grant, action: Action, result: StepResult) => void;
}

/** Rounds of observe, decide, act in one run. New, approve, set up, live are four; more means that nothing converges. */
const roundsMax = 10;
/**
 * How long a permission set that AWS does not show may be there all the same, in milliseconds, after this process began or last
 * asked for it: Identity Center's answers are "seconds" behind its writes, and a create's answer may have been lost.
 */
export const settleMs = 5_000;

/** Converges Grants: the whole chain from request to revocation. */
export function grantReconciler(options: GrantReconcilerOptions): Reconciler {
  return new GrantReconciler(options);
}

class GrantReconciler implements Reconciler {
  readonly kind = "Grant";
  readonly #options: GrantReconcilerOptions;
  readonly #deadlines: Deadlines;
  readonly #memories: Memories;
  readonly #performer: Performer;
  /** When a set was last asked for, by uid, in monotonic milliseconds; before the first, when this process began. */
  readonly #askedMs = new Map<string, number>();
  readonly #begunMs: number;

  constructor(options: GrantReconcilerOptions) {
    const { clock, random } = options;
    this.#options = options;
    this.#begunMs = clock.monotonicMs();
    this.#deadlines = new Deadlines(clock);
    this.#memories = {
      own: new OwnWrites(),
      checks: new Checks(clock, random),
      turns: new Turns(options.ports),
      quota: new QuotaLine(clock),
      comeback: new Comeback(),
    };
    this.#performer = new Performer({
      ...this.#memories,
      options,
      get: (key) => this.#get(key),
      write: (grant, patch, conditions) => this.#write(grant, patch, conditions),
      tell: (grant) => recordAll(recordedEvents(grant, clock.now() - toldAgainMaxMs), options.trail),
    });
  }

  async reconcile(key: ObjectKey, context: ReconcileContext): Promise<Outcome> {
    const { comeback } = this.#memories;
    const known = this.#get(key);
    if (known !== undefined && this.#isWaitingForTurn(known, context)) {
      return this.#inTime(key, this.#performer.waitToBeWoken("another role of the account is being updated"));
    }
    const lookLaterMs = known === undefined ? undefined : this.#beginLook(known);
    if (lookLaterMs !== undefined) {
      const untilMs = context.clock.now() + lookLaterMs;
      return this.#inTime(key, { kind: "waiting", untilMs, why: "other grants are looked at" });
    }
    try {
      const outcome = await this.#converge(key, context);
      if (outcome.kind !== "failed" && !isRetry(this.#get(key))) {
        comeback.worked(formatKey(key), context.log);
      }
      return this.#inTime(key, outcome);
    } catch (thrown) {
      return this.#retryInTime(key, coerceError(thrown), context);
    } finally {
      if (known !== undefined) {
        this.#memories.turns.settle(known);
        this.#memories.checks.end(known);
      }
    }
  }

  async #converge(key: ObjectKey, context: ReconcileContext): Promise<Outcome> {
    for (let round = 0; round < roundsMax; round += 1) {
      const grant = this.#get(key);
      if (grant === undefined) {
        this.#memories.comeback.gone(formatKey(key));
        return { kind: "settled" };
      }
      const full = this.#memories.quota.waitsFor(grant, this.#mustEnd(grant), waker(grant, context));
      if (full !== undefined) {
        return this.#performer.waitForRoom(grant, full);
      }
      const decision = await this.#decide(grant, context);
      await this.#write(grant, decision.patch, decision.conditions);
      const interrupted = await this.#performer.perform(key, decision, context);
      if (interrupted !== undefined) {
        return interrupted;
      }
      if (decision.patch.end !== undefined && decision.next.kind === "again") {
        // Everybody's end is put on record, and told to the proxies, before AWS is called for anybody's: it may not answer.
        return lookAgain(key, context);
      }
      if (decision.next.kind === "failed" && isFailure(decision.next.error)) {
        return this.#performer.outcomeOf(key, grant, decision.next.error, context);
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
    logFailure(log, error, liveRetryMs);
    return this.#inTime(key, { kind: "waiting", untilMs: clock.now() + liveRetryMs, why: error.message });
  }

  #isWaitingForTurn(grant: Grant, context: ReconcileContext): boolean {
    return this.#memories.turns.isWaiting(grant, this.#mustEnd(grant), turnWaker(grant, context));
  }

  /** How much later to look at a live Grant, where there is nothing else to do for it and others are being looked at. */
  #beginLook(grant: Grant): number | undefined {
    const { spec, metadata, status } = grant;
    if (phaseOf(grant) !== "Live" || status?.external?.operation !== undefined || this.#mustEnd(grant)) {
      return undefined;
    }
    if (metadata.generation !== status?.observedGeneration || spec.suspend === true) {
      return undefined;
    }
    const isAsked = requestedLook(metadata) !== status?.lastHandledReconcileAt;
    return this.#memories.checks.begin(grant, this.#proxyOf(grant), this.#deadlines.nowFor(grant), isAsked);
  }

  #proxyOf({ metadata, status }: Grant): Proxy | undefined {
    return this.#options.source.get("Proxy", metadata.namespace, status?.target?.proxy ?? "")?.object;
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
    const { own, checks } = this.#memories;
    const now = this.#deadlines.nowFor(grant);
    const isAsked = requestedLook(grant.metadata) !== grant.status?.lastHandledReconcileAt;
    const { look, checkedAt } = checks.due(grant, this.#proxyOf(grant), now, isAsked);
    const input = await observeGrant(grant, this.#options, { now, checkedAt, due: look, own: own.seen(grant) });
    if (phaseOf(grant) === "Live" && input.failure === undefined && input.checkedAt === now) {
      checks.looked(grant, input.aws === undefined ? look : "full");
    }
    if (phaseOf(grant) === "Provisioning" && input.aws !== undefined) {
      own.looked(grant, input.aws);
    }
    const decision = decideGrant({ ...input, unsettledUntil: this.#unsettledUntil(grant, now) });
    if (decision.actions.some(({ kind }) => kind === "CreatePermissionSet")) {
      this.#askedMs.set(grant.metadata.uid ?? "", context.clock.monotonicMs());
    }
    if (decision.patch.end !== undefined) {
      own.forget(grant);
    }
    return decision;
  }

  /** Until when a set that AWS does not show may be there all the same. */
  #unsettledUntil(grant: Grant, now: number): number {
    const askedMs = this.#askedMs.get(grant.metadata.uid ?? "") ?? this.#begunMs;
    const { clock, settleMs: givenMs = settleMs } = this.#options;
    return now + askedMs + givenMs - clock.monotonicMs();
  }

  /** The one place that writes a Grant's status. */
  async #write(grant: Grant, patch: GrantPatch, conditions: readonly ConditionInput[]): Promise<void> {
    const { source, clock, onStatusWritten, onUntold, trail, log } = this.#options;
    const { opening, other } = transitionsOf(
      grant,
      grant.status ?? {},
      nextStatus(grant, patch, conditions, clock.now()),
    );
    if (patch.end === undefined) {
      // Whoever is let in must be on record first. An end waits for nobody.
      await recordAll(opening, trail);
    }
    const wanted = conditions.find((condition) => condition.type === "Active")?.status;
    const known = getCondition(grant.status?.conditions, "Active")?.status;
    // Availabilities count live access: they must hear when it begins and ends.
    const isTurned = wanted !== undefined && wanted !== known && (wanted === "True" || known === "True");
    // Reviews that came before it could be decided on must hear that it can.
    const notify = isTurned || (patch.review !== undefined && patch.review.digest !== grant.status?.review?.digest);
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
    void recordAll(other, trail).catch((error: unknown) => {
      log?.error("what became of a Grant could not be recorded", { name, error: coerceError(error) });
      onUntold?.();
    });
  }
}

/** The status as a write would leave it. */
function nextStatus(
  { status, metadata }: Grant,
  patch: GrantPatch,
  conditions: readonly ConditionInput[],
  now: EpochMs,
): GrantStatus {
  const patched = applyPatch(status ?? {}, patch);
  return { ...patched, conditions: withConditions(status?.conditions, conditions, metadata.generation ?? 0, now) };
}

async function recordAll(events: readonly NewTrailEvent[], trail: Trail | undefined): Promise<void> {
  for (const event of events) {
    await trail?.record(event);
  }
}

/** Whether the Grant's last failure still stands: a run that only waits has not shown that AWS works again. */
function isRetry(grant: Grant | undefined): boolean {
  const ready = getCondition(grant?.status?.conditions, "Ready");
  return ready !== undefined && isRetryReason(ready.reason);
}

/** Comes back behind the others that are urgent. A wait would do it too, but one that is over when it is looked at is put off. */
function lookAgain(key: ObjectKey, { clock, enqueue }: ReconcileContext): Outcome {
  if (enqueue === undefined) {
    return { kind: "waiting", untilMs: clock.now() + 1, why: "the end is on record" };
  }
  enqueue(key, "revoke");
  return { kind: "settled" };
}
