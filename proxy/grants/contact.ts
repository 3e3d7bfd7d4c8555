import type { CancelTimer, Clock } from "#lib/clock.ts";
import { type LinkPolicy, warnBeforeEndMsDefault } from "#wire/link.ts";

/**
 * What holds until the controller has said something else: a proxy that restarts while the controller is away admits nobody, since
 * it knows no grant.
 */
export const defaultLinkPolicy: LinkPolicy = {
  admitWithoutControllerMs: 5 * 60_000,
  endWithoutControllerMs: 60 * 60_000,
  warnBeforeEndMs: warnBeforeEndMsDefault,
};

/** How long ago the controller was heard, and what follows from that. Counted on the monotonic clock. */
export class ControllerContact {
  readonly #clock: Clock;
  readonly #onLost: () => void;
  #policy: LinkPolicy = defaultLinkPolicy;
  #heardMs: number | undefined;
  #cancelTimer: CancelTimer | undefined;
  #isLost = false;

  /** `onLost` is called once each time the second bound is passed: every session ends. */
  constructor(clock: Clock, onLost: () => void) {
    this.#clock = clock;
    this.#onLost = onLost;
  }

  get policy(): LinkPolicy {
    return this.#policy;
  }

  /** The controller said something authentic. */
  heard(policy: LinkPolicy = this.#policy): void {
    const isSooner = policy.endWithoutControllerMs < this.#policy.endWithoutControllerMs;
    this.#policy = policy;
    this.#heardMs = this.#clock.monotonicMs();
    this.#isLost = false;
    if (isSooner) {
      // The timer that runs would look again at the old bound only.
      this.stop();
    }
    if (this.#cancelTimer === undefined) {
      this.#arm(policy.endWithoutControllerMs);
    }
  }

  /** Whether somebody new may be let in. */
  get admits(): boolean {
    return this.#sinceMs() <= this.#policy.admitWithoutControllerMs;
  }

  /** Milliseconds since the controller was heard; Infinity before the first time. */
  #sinceMs(): number {
    return this.#heardMs === undefined ? Infinity : this.#clock.monotonicMs() - this.#heardMs;
  }

  /** One timer that looks again, rather than one for each message heard. */
  #arm(delayMs: number): void {
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      const leftMs = this.#policy.endWithoutControllerMs - this.#sinceMs();
      if (leftMs > 0) {
        this.#arm(leftMs);
        return;
      }
      this.#cancelTimer = undefined;
      if (!this.#isLost) {
        this.#isLost = true;
        this.#onLost();
      }
    });
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
