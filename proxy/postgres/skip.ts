import type { ExecutionResult } from "./execution.ts";
import type { Portal, Prepared } from "./names.ts";
import type { Expectation } from "./queue.ts";

/** What was being done when the server began to ignore messages, and why. */
export interface Skip {
  readonly failed: Expectation | undefined;
  readonly result: ExecutionResult;
  /** Whether a recorded statement carries the error already. */
  told: boolean;
  /** What the ignored messages would have done, for the records of those that would have executed it: the last of each kind. */
  parsed: { readonly name: string; readonly prepared: Prepared } | undefined;
  bound: { readonly name: string; readonly portal: Portal } | undefined;
}

/** `dropped`: what the server was asked for and does not answer any more; it failed at the first, with `result`. */
export function skipFrom(dropped: readonly Expectation[], result: ExecutionResult): Skip {
  const skip: Skip = { failed: dropped[0], result, told: false, parsed: undefined, bound: undefined };
  const last = dropped.findLast((item) => item.kind === "parse");
  if (last !== undefined) {
    const { name, sql, verdict, stored } = last;
    const judged = verdict === undefined ? {} : { verdict };
    const kept = stored === undefined ? {} : { stored };
    skip.parsed = { name, prepared: { sql, types: [], isRecorded: true, ...judged, ...kept } };
  }
  return skip;
}
