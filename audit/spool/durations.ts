/** How long something took, in milliseconds. Plain data. */
export interface Durations {
  readonly count: number;
  readonly totalMs: number;
  /** The longest. */
  readonly maxMs: number;
}

/** Adds durations up. */
export class DurationTotals {
  #count = 0;
  #totalMs = 0;
  #maxMs = 0;

  get totals(): Durations {
    return { count: this.#count, totalMs: this.#totalMs, maxMs: this.#maxMs };
  }

  add(ms: number): void {
    this.#count += 1;
    this.#totalMs += ms;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }
}
