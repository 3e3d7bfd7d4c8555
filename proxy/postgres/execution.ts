import type { BoundValue } from "./frontend.ts";
import type { TransactionStatus } from "./backend.ts";
import type { StoredSQL } from "./stored-text.ts";
import type { StatementSpan } from "./split.ts";

/** How one statement ended. The words are those of the audit record. */
export type ExecutionOutcome = "ok" | "error" | "cancelled" | "not-executed" | "cut" | "unknown";

/** The server's answer to one statement. */
export interface ExecutionResult {
  readonly outcome: ExecutionOutcome;
  readonly tag?: string;
  readonly rows?: number;
  readonly sqlState?: string;
  /** In the client's encoding, not yet redacted. */
  readonly message?: Buffer;
  readonly suspended?: boolean;
}

/** What is known of a statement before the server sees it. */
export interface ExecutionStart {
  readonly protocol: "simple" | "extended" | "function-call";
  /** Absent when the statement was prepared out of sight, and for a function call. */
  readonly sql: Buffer | undefined;
  /** The text passed in pieces: `sql` is its skeleton, and this is what the record says. */
  readonly stored?: StoredSQL;
  /** Statements in the text of a simple query; one span or none otherwise. */
  readonly spans: readonly StatementSpan[];
  /** Names in Latin-1: every byte is one character. */
  readonly statementName?: string;
  readonly portal?: string;
  readonly parameters?: readonly BoundValue[];
  readonly types?: readonly number[];
  readonly functionOID?: number;
  readonly rowLimit?: number;
  readonly continues?: number;
  readonly notices?: readonly string[];
}

/** One statement from its start to its end. Counted up while the answer streams past. */
export interface Execution {
  /** From 1 within the session. */
  readonly number: number;
  readonly protocol: ExecutionStart["protocol"];
  readonly sql: Buffer | undefined;
  /** `sql` is no more than the skeleton of a text that passed in pieces. */
  readonly isSkeleton: boolean;
  readonly spans: readonly StatementSpan[];
  readonly statementName: string | undefined;
  readonly portal: string | undefined;
  readonly startedMs: number;
  /** Whether the bytes that carry it were given to the server. */
  forwarded: boolean;
  /** Rows of the result that streams past now. */
  rows: number;
  bytesToClient: number;
  bytesFromClient: number;
  results: ExecutionResult[];
  answeredMs: number;
}

/** The whole answer, as the record wants it. */
export interface ExecutionEnd {
  readonly result: ExecutionResult;
  /** One entry a statement when a simple query held several. */
  readonly results?: readonly ExecutionResult[];
  readonly durationMs: number;
  /** Absent when the session ended before the server said it. */
  readonly transaction?: TransactionStatus;
}

/** Most single results that one record lists; a query text of more statements lists the first ones and sums up all. */
export const resultsListedMax = 10_000;

/**
 * Sums up what is known when no more answers can come. Statements of a simple query that were not reached after an error
 * are `not-executed`; one that was never answered gets `unanswered`.
 */
export function summarize(
  execution: Execution,
  unanswered: ExecutionOutcome,
): Pick<ExecutionEnd, "result" | "results"> {
  const { results, spans } = execution;
  if (spans.length <= 1 && results.length <= 1) {
    return { result: results[0] ?? withRows({ outcome: unanswered }, execution.rows) };
  }
  // Where the text did not parse, those before the one that is wrong are no answer of the server's.
  const failed =
    results.find(({ outcome }) => outcome !== "ok" && outcome !== "not-executed") ??
    results.find(({ outcome }) => outcome !== "ok");
  const rest = Math.max(0, spans.length - results.length);
  const missing: ExecutionOutcome = failed === undefined ? unanswered : "not-executed";
  const listed = results.slice(0, resultsListedMax);
  while (listed.length < Math.min(results.length + rest, resultsListedMax)) {
    listed.push({ outcome: missing });
  }
  const tag = results.findLast((result) => result.tag !== undefined)?.tag;
  const rows = results.reduce((sum, result) => sum + (result.rows ?? 0), 0);
  const outcome = failed?.outcome ?? (rest > 0 ? unanswered : "ok");
  return {
    result: {
      ...failed,
      outcome,
      ...(tag === undefined ? {} : { tag }),
      ...(rows === 0 ? {} : { rows }),
    },
    results: listed,
  };
}

function withRows(result: ExecutionResult, rows: number): ExecutionResult {
  return rows === 0 ? result : { ...result, rows };
}
