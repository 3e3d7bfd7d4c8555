import type { GrantStatusExternal } from "#kinds/index.ts";

type OperationKind = NonNullable<GrantStatusExternal["operation"]>["kind"];

/** Polls of one operation are at least so far apart, in milliseconds; 19 calls a second are shared by all. */
export const pollMinMs = 200;
/** And at most so far, however long it takes. */
export const pollMaxMs = 5_000;
/** What an operation is thought to take before one was seen: AWS needs "seconds, up to minutes" (aws-and-ssm.md B3). */
const firstGuessMs = 500;
/** Share of the newest operation in what the next is thought to take. */
const newestShare = 0.3;
/** An operation that was over at its first poll may have taken less than it seemed to: the guess moves down by this. */
const overAtOnce = 0.96;

/**
 * How long operations take, learned from those that were seen to end, so that most are polled once: each poll is a call that
 * another grant could have had, and each moment between an operation's end and its poll keeps the account idle.
 */
export class OperationPace {
  readonly #expectedMs = new Map<OperationKind, number>();

  /** Milliseconds until the next poll of an operation that is `ageMs` old; 0: now. `polls` it had so far. */
  waitMs(kind: OperationKind, ageMs: number): number {
    const expectedMs = this.#expectedMs.get(kind) ?? firstGuessMs;
    return Math.max(0, expectedMs - ageMs);
  }

  /** Milliseconds to the poll after one that found the operation in progress at `ageMs`. */
  againMs(kind: OperationKind, ageMs: number): number {
    const expectedMs = this.#expectedMs.get(kind) ?? firstGuessMs;
    return Math.min(pollMaxMs, Math.max(pollMinMs, expectedMs / 5, (ageMs - expectedMs) / 2));
  }

  /** An operation was seen to have ended at `ageMs`. */
  ended(kind: OperationKind, ageMs: number): void {
    const expectedMs = this.#expectedMs.get(kind) ?? firstGuessMs;
    const tookMs = ageMs < expectedMs + pollMinMs / 2 ? ageMs * overAtOnce : ageMs;
    const next = expectedMs + (Math.min(tookMs, pollMaxMs) - expectedMs) * newestShare;
    this.#expectedMs.set(kind, Math.max(pollMinMs / 2, next));
  }
}
