import type { EpochMs } from "#lib/clock.ts";

/** One API call whose signature held, in the order in which calls arrived. */
export interface RecordedCall {
  /** Number since the sandbox started, from 0. */
  readonly index: number;
  /** Number among the mutating calls, from 0; -1 for calls that only read. */
  readonly mutationIndex: number;
  readonly at: EpochMs;
  readonly requestID: string;
  readonly service: string;
  readonly operation: string;
  readonly callerARN: string | undefined;
  readonly input: Readonly<Record<string, unknown>>;
  /** `pending` until it is answered; then `ok`, `dropped`, or the code of the error. */
  outcome: string;
}

/** The log of calls. */
export interface CallLog {
  /** Oldest first. */
  readonly list: readonly RecordedCall[];
  add(call: Omit<RecordedCall, "index" | "mutationIndex" | "outcome">, mutating: boolean): RecordedCall;
}

/**
 * How many calls are kept; older ones are forgotten but still counted. A kill-at-every-step test makes some thousands, and a
 * call with the largest body is 1 MiB, of which real use makes none: 20,000 ordinary ones of 1 KiB are 20 MiB.
 */
export const callsKeptMax = 20_000;

/** Starts an empty log. */
export function createCallLog(): CallLog {
  const list: RecordedCall[] = [];
  let count = 0;
  let mutations = 0;
  return {
    list,
    add(call, mutating) {
      const recorded: RecordedCall = {
        ...call,
        index: count,
        mutationIndex: mutating ? mutations : -1,
        outcome: "pending",
      };
      count += 1;
      mutations += mutating ? 1 : 0;
      list.push(recorded);
      if (list.length > callsKeptMax) {
        list.shift();
      }
      return recorded;
    },
  };
}
