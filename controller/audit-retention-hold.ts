import type { ClockDoubt } from "#audit/clock-trust.ts";

/** Whether audit records that are too old are held back, since the clock that says so may have jumped ahead. */
export class RetentionHold {
  #doubt: ClockDoubt | undefined;

  /** 1 while they are held back, for metrics. */
  get value(): 0 | 1 {
    return this.#doubt === undefined ? 0 : 1;
  }

  /** What was found the last time that it was looked. */
  set(doubt: ClockDoubt | undefined): void {
    this.#doubt = doubt;
  }

  /** What a person must look at, a sentence. */
  problems(): string[] {
    if (this.#doubt === undefined) {
      return [];
    }
    const { lastSeen, seenAgain, believedFrom } = this.#doubt;
    return [
      `no old audit records are removed before ${believedFrom}: the clock was seen at ${lastSeen} and next at ${seenAgain}; see whether it is right`,
    ];
  }
}
