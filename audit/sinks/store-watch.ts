import type { CancelTimer, Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";

/** Every second: sinks batch for longer than that, and one small query a second for all of them is nothing beside ingest. */
const lookEveryMs = 1_000;

interface Waiting {
  readonly after: number;
  readonly wake: () => void;
}

/**
 * Looks for new positions, once for all sinks. It asks, because what another replica stores in a shared database tells nobody here.
 */
export class StoreWatch {
  readonly #newest: () => Promise<number>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #waiting = new Set<Waiting>();
  #latest = 0;
  #cancel: CancelTimer | undefined;
  #isStopped = false;
  /** Whether the store did not answer the last time; that is said once. */
  #isSilent = false;

  constructor(options: { readonly newest: () => Promise<number>; readonly clock: Clock; readonly log: Log }) {
    this.#newest = options.newest;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  start(): void {
    void this.#look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
    for (const { wake } of this.#waiting) {
      wake();
    }
  }

  /** The newest position that was seen. */
  latest(): number {
    return this.#latest;
  }

  /** Resolves when there is something after `after`, when the signal aborts, or when this is stopped. */
  wait(after: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#isStopped || this.#latest > after) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(waiting);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const waiting: Waiting = { after, wake };
      this.#waiting.add(waiting);
      signal.addEventListener("abort", wake);
    });
  }

  async #look(): Promise<void> {
    try {
      this.#latest = await this.#newest();
      this.#isSilent = false;
    } catch (error) {
      this.#log[this.#isSilent ? "debug" : "warn"]("the audit store does not say what is new", { error });
      this.#isSilent = true;
    }
    for (const { after, wake } of this.#waiting) {
      if (this.#latest > after) {
        wake();
      }
    }
    if (!this.#isStopped) {
      this.#cancel = this.#clock.after(lookEveryMs, () => void this.#look());
    }
  }
}
