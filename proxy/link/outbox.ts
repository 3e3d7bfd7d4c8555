import type { CancelTimer, Clock } from "#lib/clock.ts";
import type { CutReport, ProxyStatus, SpoolStatus } from "#wire/link.ts";

/** wire/link.ts: the status is sent when something changed, at most once a second. */
export const statusEveryMs = 1_000;
/** Cut reports that wait for the controller; one a grant, so this is far more than a proxy has. Beyond it the oldest goes. */
export const cutReportsMax = 10_000;

/** What is to be told to the controller, kept while it is away. */
export class Outbox {
  readonly #clock: Clock;
  readonly #status: () => ProxyStatus;
  readonly #spool: () => SpoolStatus;
  /** What the controller was last told of the spool; undefined where it does not take that. */
  #toldSpool: string | undefined;
  #cuts: CutReport[] = [];
  #statusIsDue = true;
  #nextStatusMs = 0;
  #cancelTimer: CancelTimer | undefined;
  #send: ((message: CutReport | ProxyStatus) => void) | undefined;

  constructor(clock: Clock, status: () => ProxyStatus, spool: () => SpoolStatus) {
    this.#clock = clock;
    this.#status = status;
    this.#spool = spool;
  }

  /** A link is there: sends what waits, and everything new from now on. `takesSpool`: the status may tell of the spool. */
  connect(send: (message: CutReport | ProxyStatus) => void, takesSpool = false): void {
    this.#send = send;
    this.#toldSpool = takesSpool ? "" : undefined;
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

  /** The controller asks for a sign of life: the spool changes all the time, and is told then. */
  pinged(): void {
    if (this.#toldSpool !== undefined && this.#toldSpool !== JSON.stringify(this.#spool())) {
      this.statusChanged();
    }
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
    this.#send({ ...this.#status(), ...this.#tellSpool() });
  }

  #tellSpool(): Pick<ProxyStatus, "audit"> {
    if (this.#toldSpool === undefined) {
      return {};
    }
    const audit = this.#spool();
    this.#toldSpool = JSON.stringify(audit);
    return { audit };
  }
}
