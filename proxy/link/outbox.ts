import type { CancelTimer, Clock } from "#lib/clock.ts";
import type { CutReport, ProxyStatus } from "#wire/link.ts";

/** wire/link.ts: the status is sent when something changed, at most once a second. */
export const statusEveryMs = 1_000;
/** Cut reports that wait for the controller; one a grant, so this is far more than a proxy has. Beyond it the oldest goes. */
export const cutReportsMax = 10_000;

/** What is to be told to the controller, kept while it is away. */
export class Outbox {
  readonly #clock: Clock;
  readonly #status: () => ProxyStatus;
  #cuts: CutReport[] = [];
  #statusIsDue = true;
  #nextStatusMs = 0;
  #cancelTimer: CancelTimer | undefined;
  #send: ((message: CutReport | ProxyStatus) => void) | undefined;

  constructor(clock: Clock, status: () => ProxyStatus) {
    this.#clock = clock;
    this.#status = status;
  }

  /** A link is there: sends what waits, and everything new from now on. */
  connect(send: (message: CutReport | ProxyStatus) => void): void {
    this.#send = send;
    this.#statusIsDue = true;
    for (const cut of this.#cuts.splice(0)) {
      send(cut);
    }
    this.#flushStatus();
  }

  disconnect(): void {
    this.#send = undefined;
  }

  reportCut(report: CutReport): void {
    if (this.#send !== undefined) {
      this.#send(report);
      return;
    }
    this.#cuts.push(report);
    if (this.#cuts.length > cutReportsMax) {
      this.#cuts.shift();
    }
  }

  /** Sessions or databases changed. */
  statusChanged(): void {
    this.#statusIsDue = true;
    this.#flushStatus();
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#send = undefined;
  }

  #flushStatus(): void {
    if (!this.#statusIsDue || this.#send === undefined || this.#cancelTimer !== undefined) {
      return;
    }
    const waitMs = this.#nextStatusMs - this.#clock.monotonicMs();
    if (waitMs > 0) {
      this.#cancelTimer = this.#clock.after(waitMs, () => {
        this.#cancelTimer = undefined;
        this.#flushStatus();
      });
      return;
    }
    this.#statusIsDue = false;
    this.#nextStatusMs = this.#clock.monotonicMs() + statusEveryMs;
    this.#send(this.#status());
  }
}
