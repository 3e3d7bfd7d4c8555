import { coerceError } from "#lib/errors.ts";
import type { CancelTimer, Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { formatKey, parseKey, type Kind, type ObjectKey } from "#kinds/index.ts";
import { reconcileBackoff, type BackoffLimits } from "../queue/backoff.ts";
import { createQueue, type Work, type WorkQueue } from "../queue/queue.ts";
import type { Source } from "../source/source.ts";
import { applyOutcome, isDefect } from "./outcome.ts";
import type { Enqueue, Outcome, Priority, Reconciler } from "./reconciler.ts";
import type { LoopRecorder } from "./recorder.ts";
import { createStats, type LoopStats } from "./stats.ts";

/**
 * Runs at a time. They wait for AWS, not for the processor; Identity Center answers 20 calls a second and a grant needs
 * about six, so more would only queue at its bucket.
 */
export const workersDefault = 10;

/**
 * Runs at a time beside these of what is urgent: ends of access, and grants whose account waits for them. With a thousand new grants
 * all others wait for their turn at AWS, and each moment that an account waits for a free one is lost to all of its grants.
 */
export const urgentWorkersDefault = 6;

/**
 * Longest run, in milliseconds, before its signal is aborted. A run makes some ten calls, each with its own timeout and
 * retries, and never waits for an asynchronous operation (it answers `waiting`): two minutes are far beyond a slow one.
 */
export const reconcileDeadlineMs = 120_000;

/** A loop whose workers have all been in one run for this long, in milliseconds, ignores its deadlines: it is stuck. */
export const stuckAfterMs = 2 * reconcileDeadlineMs;

/**
 * Mean time, in milliseconds, between two looks at everything. Changes and expiries do not need it; it only heals what
 * was missed. Each period is up to a tenth shorter or longer, so that it drifts away from other periodic load.
 */
export const resyncPeriodMs = 3_600_000;

/** How long, in milliseconds, `stop` lets runs end by themselves, and then again after it aborted them. */
export const stopGraceMs = 10_000;

/** What the loop needs. Limits left out take the defaults above. */
export interface LoopOptions {
  readonly source: Pick<Source, "start" | "list" | "get" | "subscribe">;
  readonly reconcilers: readonly Reconciler[];
  readonly clock: Clock;
  /** In [0, 1); jitter. */
  readonly random: () => number;
  readonly log: Log;
  /** A fresh ID for each run, for the log. */
  readonly newID: () => string;
  readonly workers?: number;
  /** Absent: none. */
  readonly urgentWorkers?: number;
  readonly deadlineMs?: number;
  readonly resyncMs?: number;
  readonly graceMs?: number;
  readonly backoff?: BackoffLimits;
  readonly recorder?: LoopRecorder;
}

/** Keeps every object converged: changes and times in, runs of the reconcilers out. */
export interface Loop {
  /**
   * Subscribes, starts the source, waits until it has everything, queues all objects and only then lets workers run.
   * Rejects as `Source.start` does.
   */
  start(): Promise<void>;
  /** Finishes the runs that are going on and the revocations that are queued, within the grace, and resolves. */
  stop(): Promise<void>;
  /** Asks for a look at an object. */
  readonly enqueue: Enqueue;
  stats(): LoopStats;
}

/** A loop that is not yet started. */
export function createLoop(options: LoopOptions): Loop {
  return new ReconcileLoop(options);
}

interface Run {
  readonly startedMs: number;
  readonly abort: AbortController;
  isDefect: boolean;
}

class ReconcileLoop implements Loop {
  readonly #options: LoopOptions;
  readonly #queue: WorkQueue;
  readonly #reconcilers: ReadonlyMap<Kind, Reconciler>;
  readonly #stats = createStats();
  readonly #runs = new Map<string, Run>();
  #workers: Promise<void>[] = [];
  #urgentWorkers: Promise<void>[] = [];
  #lastProgressMs: number;
  #unsubscribe: () => void = () => {};
  #cancelResync: CancelTimer = () => {};

  constructor(options: LoopOptions) {
    const { clock, random, backoff = reconcileBackoff, recorder } = options;
    this.#options = options;
    this.#queue = createQueue({
      clock,
      random,
      backoff,
      ...(recorder === undefined ? {} : { recorder: recorder.queue }),
    });
    this.#reconcilers = new Map(options.reconcilers.map((reconciler) => [reconciler.kind, reconciler]));
    this.#lastProgressMs = clock.monotonicMs();
  }

  readonly enqueue: Enqueue = (key, priority, afterMs = 0) => {
    if (this.#reconcilers.has(key.kind)) {
      this.#queue.addAfter(formatKey(key), priority, afterMs);
    }
  };

  async start(): Promise<void> {
    this.#unsubscribe = this.#options.source.subscribe((key) => this.#changed(key));
    await this.#options.source.start();
    this.#enqueueAll();
    this.#armResync();
    const { workers = workersDefault, urgentWorkers = 0, recorder } = this.#options;
    recorder?.started([...this.#reconcilers.keys()], workers + urgentWorkers);
    this.#workers = Array.from({ length: workers }, () => this.#work(false));
    this.#urgentWorkers = Array.from({ length: urgentWorkers }, () => this.#work(true));
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#cancelResync();
    this.#queue.shutDown();
    this.#queue.dropQueued(["change", "resync"]);
    const ended = Promise.all([this.#queue.drained(), ...this.#workers, ...this.#urgentWorkers]);
    if (await this.#endsInTime(ended)) {
      return;
    }
    this.#queue.dropQueued();
    for (const run of this.#runs.values()) {
      run.abort.abort(new Error("the controller is stopping"));
    }
    if (!(await this.#endsInTime(ended))) {
      this.#options.log.error("runs did not end when asked to", { keys: [...this.#runs.keys()] });
    }
  }

  stats(): LoopStats {
    const nowMs = this.#options.clock.monotonicMs();
    const ages = [...this.#runs.values()].map((run) => nowMs - run.startedMs);
    const depth = this.#queue.depth();
    const isIdle = ages.length === 0 && Object.values(depth.queued).every((count) => count === 0);
    this.#lastProgressMs = isIdle ? nowMs : this.#lastProgressMs;
    return {
      kinds: this.#stats.kinds(),
      queue: depth,
      running: ages.length,
      oldestRunMs: Math.max(0, ...ages),
      lastProgressMs: this.#lastProgressMs,
      stuck: ages.length >= Math.max(1, this.#workers.length) && Math.min(...ages) > stuckAfterMs,
    };
  }

  /** The object itself, and what depends on it. */
  #changed(key: ObjectKey): void {
    this.enqueue(key, this.#priorityOf(key));
    for (const reconciler of this.#reconcilers.values()) {
      for (const affected of this.#guard(() => reconciler.affectedBy?.(key), []) ?? []) {
        this.enqueue(affected, this.#priorityOf(affected));
      }
    }
  }

  #priorityOf(key: ObjectKey): Priority {
    const reconciler = this.#reconcilers.get(key.kind);
    const own = this.#guard(() => reconciler?.priorityOf?.(key, this.#options.clock.now()), "revoke" as const);
    if (own !== undefined) {
      return own;
    }
    const stored = this.#options.source.get(key.kind, key.namespace, key.name);
    return stored?.object.metadata.deletionTimestamp === undefined ? "change" : "revoke";
  }

  /** A defect in a reconciler's index must not stop the source that is telling of a change. */
  #guard<T>(look: () => T, instead: T): T {
    try {
      return look();
    } catch (thrown) {
      this.#options.log.error("could not tell what a change affects", { error: coerceError(thrown) });
      return instead;
    }
  }

  #enqueueAll(): void {
    for (const kind of this.#reconcilers.keys()) {
      for (const { object } of this.#options.source.list(kind)) {
        const { namespace, name } = object.metadata;
        const key: ObjectKey = { kind, namespace, name };
        this.enqueue(key, this.#priorityOf(key) === "revoke" ? "revoke" : "resync");
      }
    }
  }

  #armResync(): void {
    const { clock, random, resyncMs = resyncPeriodMs } = this.#options;
    this.#cancelResync = clock.after(resyncMs * (0.9 + 0.2 * random()), () => {
      this.#enqueueAll();
      this.#armResync();
    });
  }

  async #work(urgentOnly: boolean): Promise<void> {
    for (;;) {
      const work = await this.#queue.get(urgentOnly);
      if (work === undefined) {
        return;
      }
      await this.#runOne(work);
    }
  }

  async #runOne(work: Work): Promise<void> {
    const { clock, newID, recorder } = this.#options;
    const key = parseKey(work.key);
    const { namespace, name } = key;
    // The names of controller-runtime (`pkg/internal/controller`), which people's log searches know.
    const fields = { controller: key.kind.toLowerCase(), namespace, name, reconcileID: newID() };
    const log = this.#options.log.with(fields);
    const run: Run = { startedMs: clock.monotonicMs(), abort: new AbortController(), isDefect: false };
    const begun = clock.now();
    this.#runs.set(work.key, run);
    recorder?.runStarted(key.kind);
    const outcome = await this.#reconcile(key, run, log);
    this.#runs.delete(work.key);
    this.#lastProgressMs = clock.monotonicMs();
    const tookMs = this.#lastProgressMs - run.startedMs;
    this.#stats.ended(key.kind, outcome.kind, tookMs);
    recorder?.runEnded(key.kind, outcome.kind, tookMs, run.isDefect);
    // What must end is tried again before all else, whatever it was that woke it.
    const priority = this.#priorityOf(key) === "revoke" ? "revoke" : work.priority;
    applyOutcome(this.#queue, { ...work, priority }, outcome, log, { begun, ended: clock.now() });
    this.#queue.done(work.key);
  }

  async #reconcile(key: ObjectKey, run: Run, log: Log): Promise<Outcome> {
    const { clock, deadlineMs = reconcileDeadlineMs } = this.#options;
    const cancelDeadline = clock.after(deadlineMs, () => {
      this.#stats.deadline(key.kind);
      this.#options.recorder?.deadlinePassed(key.kind);
      log.warn("reconcile is past its deadline", { deadlineMs });
      run.abort.abort(new Error(`reconcile took longer than ${deadlineMs} ms`));
    });
    try {
      const { enqueue } = this;
      const context = { signal: run.abort.signal, log, clock, now: clock.now(), enqueue };
      // Awaited even past the deadline: giving the key to another worker while this one may still act would be worse.
      return (await this.#reconcilers.get(key.kind)?.reconcile(key, context)) ?? { kind: "settled" };
    } catch (thrown) {
      run.isDefect = isDefect(thrown);
      return { kind: "failed", error: coerceError(thrown) };
    } finally {
      cancelDeadline();
    }
  }

  async #endsInTime(ended: Promise<unknown>): Promise<boolean> {
    const { clock, graceMs = stopGraceMs } = this.#options;
    return new Promise((resolve) => {
      const cancel = clock.after(graceMs, () => resolve(false));
      void ended.then(() => {
        cancel();
        resolve(true);
      });
    });
  }
}
