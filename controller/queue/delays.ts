import type { CancelTimer, Clock, EpochMs } from "#lib/clock.ts";
import { createHeap } from "./heap.ts";
import { moreUrgent, type Priority } from "./priority.ts";

/**
 * How often, in milliseconds, the wall clock is looked at while something waits for an instant: after a jump of the wall
 * clock (NTP, a laptop that slept), an expiry is at most this late. Timers themselves do not see such jumps.
 */
export const wallCheckMs = 10_000;

/** A shift between the two clocks of less than this, in milliseconds, is rounding or slewing and moves no expiry by a second. */
const wallJumpMs = 100;

interface Waiting {
  readonly key: string;
  priority: Priority;
  /** Due when the monotonic clock reaches this. */
  dueMs: number;
  /** Due when the wall clock reaches this, where an instant was asked for. */
  dueAt?: EpochMs;
}

/** Keys that wait for their time. One timer serves all. A key waits once: the earlier time and the higher priority win. */
export interface Delays {
  /** Lets `key` fall due after `afterMs`, whatever the wall clock does. */
  after(key: string, priority: Priority, afterMs: number): void;
  /** Lets `key` fall due at the instant `at`, or after as long as it was ahead by now, whichever comes first. */
  at(key: string, priority: Priority, at: EpochMs): void;
  /** How many keys wait. */
  readonly size: number;
  /** Drops all that wait and stops the timer. */
  clear(): void;
}

/** Delays by `clock`; `release` is called with each key as it falls due, in order of time. */
export function createDelays(clock: Clock, release: (key: string, priority: Priority) => void): Delays {
  return new OneTimerDelays(clock, release);
}

class OneTimerDelays implements Delays {
  readonly #clock: Clock;
  readonly #release: (key: string, priority: Priority) => void;
  readonly #heap = createHeap<Waiting>((a, b) => a.dueMs < b.dueMs);
  readonly #byKey = new Map<string, Waiting>();
  #timer: { readonly wakeMs: number; readonly cancel: CancelTimer } | undefined;
  /** Wall clock minus monotonic clock when `dueMs` of all entries was last right. */
  #offsetMs: number;

  constructor(clock: Clock, release: (key: string, priority: Priority) => void) {
    this.#clock = clock;
    this.#release = release;
    this.#offsetMs = clock.now() - clock.monotonicMs();
  }

  get size(): number {
    return this.#heap.size;
  }

  after(key: string, priority: Priority, afterMs: number): void {
    this.#wait(key, priority, this.#clock.monotonicMs() + Math.max(0, afterMs));
  }

  at(key: string, priority: Priority, at: EpochMs): void {
    this.#followWallClock();
    this.#wait(key, priority, this.#clock.monotonicMs() + Math.max(0, at - this.#clock.now()), at);
  }

  clear(): void {
    while (this.#heap.pop() !== undefined) {
      // Emptied one by one: the heap has no other way out.
    }
    this.#byKey.clear();
    this.#arm();
  }

  #wait(key: string, priority: Priority, dueMs: number, dueAt?: EpochMs): void {
    const known = this.#byKey.get(key);
    if (known === undefined) {
      const entry: Waiting = { key, priority, dueMs, ...(dueAt === undefined ? {} : { dueAt }) };
      this.#byKey.set(key, entry);
      this.#heap.push(entry);
    } else {
      known.priority = moreUrgent(known.priority, priority);
      known.dueAt = Math.min(known.dueAt ?? Number.POSITIVE_INFINITY, dueAt ?? Number.POSITIVE_INFINITY);
      if (dueMs < known.dueMs) {
        known.dueMs = dueMs;
        this.#heap.update(known);
      }
    }
    this.#arm();
  }

  #arm(): void {
    const head = this.#heap.peek();
    if (head === undefined) {
      this.#timer?.cancel();
      this.#timer = undefined;
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    const wakeMs = Math.min(head.dueMs, nowMs + wallCheckMs);
    if (this.#timer !== undefined && this.#timer.wakeMs <= wakeMs) {
      return;
    }
    this.#timer?.cancel();
    this.#timer = { wakeMs, cancel: this.#clock.after(wakeMs - nowMs, () => this.#onTimer()) };
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#followWallClock();
    for (;;) {
      const head = this.#heap.peek();
      if (head === undefined || head.dueMs > this.#clock.monotonicMs()) {
        break;
      }
      this.#heap.pop();
      this.#byKey.delete(head.key);
      this.#release(head.key, head.priority);
    }
    this.#arm();
  }

  /**
   * A wall clock that jumped ahead brings instants nearer. One that jumped back leaves them: better that a key is looked
   * at too early, and waits again, than that access ends late.
   */
  #followWallClock(): void {
    const offsetMs = this.#clock.now() - this.#clock.monotonicMs();
    if (Math.abs(offsetMs - this.#offsetMs) < wallJumpMs) {
      return;
    }
    this.#offsetMs = offsetMs;
    const instants = [...this.#heap.entries()].filter((entry) => entry.dueAt !== undefined);
    for (const entry of instants) {
      entry.dueMs = Math.min(entry.dueMs, (entry.dueAt ?? Number.POSITIVE_INFINITY) - offsetMs);
      this.#heap.update(entry);
    }
  }
}
