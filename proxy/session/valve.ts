import type { Duplex } from "node:stream";

/** Why a stream is not read for the moment. It flows again when no reason is left. */
export type ValveReason = "start" | "journal" | "other-side" | "depth" | "answer";

const bits: Readonly<Record<ValveReason, number>> = { start: 1, journal: 2, "other-side": 4, depth: 8, answer: 16 };

/** Pauses one stream for any of several independent reasons. Starts closed, for `start`. */
export class Valve {
  readonly #stream: Duplex;
  #reasons = bits.start;
  #disposed = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  close(reason: ValveReason): void {
    const wasOpen = this.#reasons === 0;
    this.#reasons |= bits[reason];
    if (wasOpen) {
      this.#stream.pause();
    }
  }

  open(reason: ValveReason): void {
    const bit = bits[reason];
    if ((this.#reasons & bit) !== 0) {
      this.#reasons &= ~bit;
      if (this.#reasons === 0 && !this.#disposed) {
        this.#stream.resume();
      }
    }
  }

  /** Pauses for good, as far as this valve is concerned. */
  dispose(): void {
    this.#disposed = true;
    this.#stream.pause();
  }
}
