import type { RecordBody } from "./record.ts";
import type { CancelTimer, Clock } from "#lib/clock.ts";

/**
 * A device that was full tells nobody that it has room again, so what is owed is tried this often. Long beside what a failed try
 * costs (microseconds), short beside what a person waits for.
 */
export const owedRetryMs = 1_000;

type Write = (body: RecordBody, done: (result: "written" | "full" | "too-large") => void) => void;

/** Records that end something and found no room: written in their order as soon as there is. */
export class OwedRecords {
  readonly #clock: Clock;
  readonly #write: Write;
  #bodies: RecordBody[] = [];
  #isPaying = false;
  #isClosed = false;
  #cancelTimer: CancelTimer | undefined;

  constructor(clock: Clock, write: Write) {
    this.#clock = clock;
    this.#write = write;
  }

  /** How many are owed. */
  get count(): number {
    return this.#bodies.length;
  }

  /** Owes more, and tries again after a while. */
  add(bodies: readonly RecordBody[]): void {
    this.#bodies.push(...bodies);
    this.#tryLater();
  }

  /** Tells that something was written or given back. */
  thereIsRoom(): void {
    if (this.#bodies.length > 0) {
      void this.pay();
    }
  }

  /** Tries to write all. Resolves when it is known what became of each; what found no room stays owed. */
  pay(): Promise<void> {
    if (this.#isPaying || this.#isClosed || this.#bodies.length === 0) {
      return Promise.resolve();
    }
    this.#isPaying = true;
    const bodies = this.#bodies.splice(0);
    return new Promise((resolve) => {
      const left: RecordBody[] = [];
      let open = bodies.length;
      const settle = (body: RecordBody, result: string): void => {
        if (result === "full") {
          left.push(body);
        }
        open -= 1;
        if (open === 0) {
          this.#isPaying = false;
          this.#bodies.unshift(...left);
          this.#tryLater();
          resolve();
        }
      };
      for (const body of bodies) {
        // Order is kept: after one that found no room, none is tried.
        if (left.length > 0) {
          settle(body, "full");
        } else {
          this.#write(body, (result) => settle(body, result));
        }
      }
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
  }

  #tryLater(): void {
    if (this.#bodies.length === 0 || this.#isClosed || this.#cancelTimer !== undefined) {
      return;
    }
    this.#cancelTimer = this.#clock.after(owedRetryMs, () => {
      this.#cancelTimer = undefined;
      void this.pay();
      this.#tryLater();
    });
  }
}
