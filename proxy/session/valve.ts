import type { Duplex } from "node:stream";

/** Why a stream is not read for the moment. It flows again when no reason is left. */
export type ValveReason = "start" | "journal" | "other-side" | "depth";

/** Pauses one stream for any of several independent reasons. Starts closed, for `start`. */
export class Valve {
  readonly #stream: Duplex;
  readonly #reasons = new Set<ValveReason>(["start"]);
  #disposed = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  close(reason: ValveReason): void {
    this.#reasons.add(reason);
    this.#stream.pause();
  }

  open(reason: ValveReason): void {
    if (this.#reasons.delete(reason) && this.#reasons.size === 0 && !this.#disposed) {
      this.#stream.resume();
    }
  }

  /** Pauses for good, as far as this valve is concerned. */
  dispose(): void {
    this.#disposed = true;
    this.#stream.pause();
  }
}
