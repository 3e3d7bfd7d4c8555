import type { Grant } from "#kinds/index.ts";
import type { Clock, EpochMs } from "#lib/clock.ts";
import { phaseOf } from "./phase.ts";
import { currentExpiry, storedWindow } from "./window.ts";

interface Deadline {
  /** The wall-clock instant that it stands for. */
  readonly expiry: EpochMs;
  readonly dueMs: number;
}

/**
 * The ends of live windows by the monotonic clock. A window ends when either clock says so: a wall clock that was put forward
 * ends it, one that was put back does not lengthen it. Lost with the process; the recorded instants are not.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #byUID = new Map<string, Deadline>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The instant to decide about the Grant by: the wall clock's, or the end of its window where that has come. */
  nowFor(grant: Grant): EpochMs {
    const now = this.#clock.now();
    const deadline = this.#follow(grant, now);
    return deadline !== undefined && this.#clock.monotonicMs() >= deadline.dueMs ? Math.max(now, deadline.expiry) : now;
  }

  /** `untilMs`, or the end of the Grant's window where that comes before it. */
  bounded(grant: Grant, untilMs: EpochMs): EpochMs {
    const now = this.#clock.now();
    const deadline = this.#follow(grant, now);
    return deadline === undefined ? untilMs : Math.min(untilMs, now + deadline.dueMs - this.#clock.monotonicMs());
  }

  #follow(grant: Grant, now: EpochMs): Deadline | undefined {
    const uid = grant.metadata.uid ?? "";
    const expiry = currentExpiry(grant);
    const window = storedWindow(grant.status);
    if (phaseOf(grant) !== "Live" || expiry === undefined || window === undefined) {
      this.#byUID.delete(uid);
      return undefined;
    }
    const known = this.#byUID.get(uid);
    // By a wall clock that stands before the activation, what is left seems to be more than was ever given.
    const seenMs = this.#clock.monotonicMs() + expiry - Math.max(now, window.activation);
    const knownMs = known === undefined ? seenMs : known.dueMs + expiry - known.expiry;
    const deadline = { expiry, dueMs: Math.min(seenMs, knownMs) };
    this.#byUID.set(uid, deadline);
    return deadline;
  }
}
