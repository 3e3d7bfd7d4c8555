/** Finest step, in milliseconds, by which the age of a waiting record is told. */
export const ageStepMs = 1_000;
/** Marks that are kept: a quarter of an hour in the finest step. Past it every second one goes, and the step doubles. */
export const ageMarksMax = 1_024;

/**
 * Tells how long the oldest record has waited for its acknowledgement, without keeping a time for each. It is never told younger than it is,
 * and older by one step at most.
 */
export class WaitingAge {
  /** Where records were written that are at most a step older than the next mark's; the first one is the oldest that waits. */
  #marks: { readonly firstSeq: number; readonly sinceMs: number }[] = [];
  #stepMs = ageStepMs;
  #lastSeq = 0;

  /** Records up to `lastSeq` are there, the new ones since `sinceMs` on a clock that never goes back. */
  written(lastSeq: number, sinceMs: number): void {
    const firstSeq = this.#lastSeq + 1;
    this.#lastSeq = lastSeq;
    const newest = this.#marks.at(-1);
    if (newest !== undefined && sinceMs - newest.sinceMs < this.#stepMs) {
      return;
    }
    this.#marks.push({ firstSeq, sinceMs });
    if (this.#marks.length > ageMarksMax) {
      this.#marks = this.#marks.filter((_, index) => index % 2 === 0);
      this.#stepMs *= 2;
    }
  }

  /** Records up to `seq` wait no longer. */
  acknowledged(seq: number): void {
    if (seq >= this.#lastSeq) {
      this.#marks = [];
      this.#stepMs = ageStepMs;
      return;
    }
    const oldest = this.#marks.findLastIndex(({ firstSeq }) => firstSeq <= seq + 1);
    if (oldest > 0) {
      this.#marks.splice(0, oldest);
    }
  }

  /** Milliseconds; 0 where nothing waits. */
  oldestMs(nowMs: number): number {
    const [oldest] = this.#marks;
    return oldest === undefined ? 0 : Math.max(0, nowMs - oldest.sinceMs);
  }
}
