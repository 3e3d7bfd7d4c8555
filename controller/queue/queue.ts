import type { Clock, EpochMs } from "#lib/clock.ts";
import { createBackoff, type BackoffLimits } from "./backoff.ts";
import { createDelays } from "./delays.ts";
import { moreUrgent, priorities, type Priority } from "./priority.ts";
import type { QueueRecorder } from "./recorder.ts";

/** A key handed to a worker, who owns it until `done`. */
export interface Work {
  readonly key: string;
  readonly priority: Priority;
}

/** What a queue needs from outside. */
export interface QueueOptions {
  readonly clock: Clock;
  /** In [0, 1); jitter. */
  readonly random: () => number;
  readonly backoff: BackoffLimits;
  readonly recorder?: QueueRecorder;
}

/**
 * A work queue with the semantics of client-go's: a key is queued once however often it is added; while a worker has it,
 * another add makes it come back after `done`; so no key is ever with two workers. On top: three priorities, the most
 * urgent first and first come first served within one; an add of a queued key raises its priority, never lowers it.
 */
export interface WorkQueue {
  /** Queues `key` now. Ignored after `shutDown`. */
  add(key: string, priority: Priority): void;
  /** Queues `key` after `afterMs`. Where it waits already, the earlier time wins. */
  addAfter(key: string, priority: Priority, afterMs: number): void;
  /** Queues `key` at an instant of the wall clock, `afterMs` from now at the latest by the monotonic one. */
  addAt(key: string, priority: Priority, at: EpochMs): void;
  /** Queues `key` after its back-off, which grows with each call until `forget`. Answers the pause in milliseconds. */
  addRateLimited(key: string, priority: Priority): number;
  /** Ends the back-off of `key`: its next failure counts as the first. */
  forget(key: string): void;
  /** Failures of `key` in a row. */
  failures(key: string): number;
  /**
   * The next key; waits for one. Undefined once the queue is shut down and empty. `urgentOnly`: the next of priority `revoke`, so that
   * there is somebody for it however long the others take.
   */
  get(urgentOnly?: boolean): Promise<Work | undefined>;
  /** Gives a key back. Must be called exactly once for each key that `get` gave out. */
  done(key: string): void;
  /** Takes no more keys and drops those that wait for a time; those that are queued are still given out. */
  shutDown(): void;
  /** Drops what is queued at one of `which` priorities, or comes back at one, and is not yet with a worker. */
  dropQueued(which?: readonly Priority[]): void;
  /** Resolves after `shutDown` when nothing is queued and no worker has a key. */
  drained(): Promise<void>;
  /** Keys that are queued, waiting for a time, and with workers. */
  depth(): {
    readonly queued: Readonly<Record<Priority, number>>;
    readonly delayed: number;
    readonly processing: number;
  };
}

/** An empty queue. */
export function createQueue(options: QueueOptions): WorkQueue {
  return new PriorityWorkQueue(options);
}

class PriorityWorkQueue implements WorkQueue {
  /** Queued keys by priority, in order of arrival (a Set keeps insertion order). */
  readonly #queued: Record<Priority, Set<string>> = { revoke: new Set(), change: new Set(), resync: new Set() };
  /** Keys to be looked at (again), with their priority: all that are queued, and those added while a worker has them. */
  readonly #dirty = new Map<string, Priority>();
  readonly #processing = new Set<string>();
  readonly #workers: ((work: Work | undefined) => void)[] = [];
  /** Those that take what is urgent and nothing else. */
  readonly #urgentWorkers: ((work: Work | undefined) => void)[] = [];
  readonly #drainWaiters: (() => void)[] = [];
  readonly #backoff;
  readonly #delays;
  readonly #recorder: QueueRecorder | undefined;
  #shuttingDown = false;

  constructor(options: QueueOptions) {
    this.#backoff = createBackoff(options.backoff, options.random);
    this.#delays = createDelays(options.clock, (key, priority) => this.add(key, priority));
    this.#recorder = options.recorder;
  }

  add(key: string, priority: Priority): void {
    if (this.#shuttingDown) {
      return;
    }
    const before = this.#dirty.get(key);
    const now = before === undefined ? priority : moreUrgent(before, priority);
    if (before === now) {
      return;
    }
    this.#dirty.set(key, now);
    if (before === undefined) {
      this.#recorder?.added(key, now);
    } else {
      this.#recorder?.raised(key, now);
    }
    if (this.#processing.has(key)) {
      return;
    }
    if (before !== undefined) {
      this.#queued[before].delete(key);
    }
    this.#queued[now].add(key);
    this.#handOut();
  }

  addAfter(key: string, priority: Priority, afterMs: number): void {
    if (afterMs <= 0) {
      this.add(key, priority);
    } else if (!this.#shuttingDown) {
      this.#recorder?.delayed(key);
      this.#delays.after(key, priority, afterMs);
    }
  }

  addAt(key: string, priority: Priority, at: EpochMs): void {
    if (!this.#shuttingDown) {
      this.#recorder?.delayed(key);
      this.#delays.at(key, priority, at);
    }
  }

  addRateLimited(key: string, priority: Priority): number {
    const afterMs = this.#backoff.next(key);
    this.addAfter(key, priority, afterMs);
    return afterMs;
  }

  forget(key: string): void {
    this.#backoff.forget(key);
  }

  failures(key: string): number {
    return this.#backoff.failures(key);
  }

  get(urgentOnly = false): Promise<Work | undefined> {
    return new Promise((resolve) => {
      (urgentOnly ? this.#urgentWorkers : this.#workers).push(resolve);
      this.#handOut();
    });
  }

  done(key: string): void {
    if (!this.#processing.delete(key)) {
      throw new Error(`no worker has this key: ${key}`);
    }
    this.#recorder?.done(key);
    const priority = this.#dirty.get(key);
    if (priority !== undefined) {
      this.#queued[priority].add(key);
    }
    this.#handOut();
  }

  shutDown(): void {
    this.#shuttingDown = true;
    this.#delays.clear();
    this.#handOut();
  }

  dropQueued(which: readonly Priority[] = priorities): void {
    for (const [key, priority] of this.#dirty) {
      if (which.includes(priority)) {
        this.#queued[priority].delete(key);
        this.#dirty.delete(key);
        this.#recorder?.dropped(key);
      }
    }
    this.#handOut();
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drainWaiters.push(resolve);
      this.#handOut();
    });
  }

  depth(): ReturnType<WorkQueue["depth"]> {
    const queued = this.#queued;
    return {
      queued: { revoke: queued.revoke.size, change: queued.change.size, resync: queued.resync.size },
      delayed: this.#delays.size,
      processing: this.#processing.size,
    };
  }

  /** Gives queued keys to waiting workers; at the end of a shut-down, sends the workers home. */
  #handOut(): void {
    for (;;) {
      const isUrgent = this.#queued.revoke.size > 0 && this.#urgentWorkers.length > 0;
      const workers = isUrgent ? this.#urgentWorkers : this.#workers;
      const work = workers.length > 0 ? this.#next() : undefined;
      if (work === undefined) {
        break;
      }
      workers.shift()?.(work);
    }
    // A key that is with a worker may have been added again before the shut-down and will come back: workers stay for it.
    if (this.#shuttingDown && this.#dirty.size === 0) {
      for (const worker of [...this.#workers.splice(0), ...this.#urgentWorkers.splice(0)]) {
        worker(undefined);
      }
      if (this.#processing.size === 0) {
        for (const resolve of this.#drainWaiters.splice(0)) {
          resolve();
        }
      }
    }
  }

  #next(): Work | undefined {
    for (const priority of priorities) {
      for (const key of this.#queued[priority]) {
        this.#queued[priority].delete(key);
        this.#dirty.delete(key);
        this.#processing.add(key);
        this.#recorder?.given(key);
        return { key, priority };
      }
    }
    return undefined;
  }
}
