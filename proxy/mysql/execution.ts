import type { SessionEffect } from "./effects.ts";
import type { NamedValue } from "./parameters.ts";
import type { StatementKind } from "./statements.ts";
import type { BoundValue } from "./values.ts";

/** Transaction state, in the words of the audit record. MySQL knows no failed one. */
export type TransactionState = "idle" | "transaction";

/** The same members, while they are being made. */
export type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** How one statement ended. The words are those of the audit record. */
export type ExecutionOutcome = "ok" | "error" | "cancelled" | "not-executed" | "cut" | "unknown";

/** The server's answer to one statement, or one of several result sets of it. */
export interface ExecutionResult {
  readonly outcome: ExecutionOutcome;
  readonly rows?: number;
  readonly affectedRows?: number;
  readonly lastInsertID?: string;
  readonly warnings?: number;
  readonly info?: Buffer;
  readonly sqlState?: string;
  readonly errno?: number;
  /** As the server sent it, not yet redacted. */
  readonly message?: Buffer;
  /** A cursor is open: rows come by COM_STMT_FETCH. */
  readonly suspended?: boolean;
}

/** What is known of a statement before the server sees it. */
export interface ExecutionStart {
  /** `command`: any other message that acts, named in `sql` by the protocol's word for it. */
  readonly protocol: "simple" | "extended" | "command";
  /** As the client sent it; absent when it is not known or too large. */
  readonly sql: Buffer | undefined;
  readonly spans: readonly StatementKind[];
  readonly parameters?: readonly BoundValue[];
  readonly types?: readonly number[];
  readonly attributes?: readonly NamedValue[];
  readonly statementName?: string;
  readonly rowLimit?: number;
  readonly continues?: number;
  readonly notices?: readonly string[];
}

/** The whole answer, as the record wants it. */
export interface ExecutionEnd {
  readonly result: ExecutionResult;
  /** One entry an answer when there was more than one, or statements that did not run. */
  readonly results?: readonly ExecutionResult[];
  readonly durationMs: number;
  /** Absent when the session ended before the server said it. */
  readonly transaction?: TransactionState;
}

/** Most single results that one record lists. */
export const resultsListedMax = 10_000;

/** One statement from its start to its end. Counted up while the answer streams past. */
export class Execution {
  /** From 1 within the session. */
  readonly number: number;
  readonly startedMs: number;
  readonly spans: readonly StatementKind[];
  readonly effects: readonly SessionEffect[];
  /** Whether the bytes that carry it were given to the server. */
  forwarded = false;
  /** Rows of the result that streams past now. */
  rows = 0;
  bytesToClient = 0;
  bytesFromClient: number;
  readonly results: ExecutionResult[] = [];
  /** Which statement of the text is being answered. */
  current = 0;
  #answers = 0;
  #rowsTotal = 0;
  #affectedTotal = 0;
  #failed: ExecutionResult | undefined;
  #last: ExecutionResult | undefined;

  constructor(
    number: number,
    startedMs: number,
    bytesFromClient: number,
    { spans }: ExecutionStart,
    effects: readonly SessionEffect[],
  ) {
    this.number = number;
    this.startedMs = startedMs;
    this.bytesFromClient = bytesFromClient;
    this.spans = spans;
    this.effects = effects;
  }

  /** One answer is complete. `isSet`: it was a result set. */
  add(result: ExecutionResult, isSet: boolean): void {
    this.#answers += 1;
    this.#rowsTotal += result.rows ?? 0;
    this.#affectedTotal += result.affectedRows ?? 0;
    this.#last = result;
    if (result.outcome !== "ok") {
      this.#failed = result;
    }
    if (this.results.length < resultsListedMax) {
      this.results.push(result);
    }
    // The result sets of a CALL come before its own OK.
    if (!isSet || this.spans[this.current] !== "call") {
      this.current += 1;
    }
    this.rows = 0;
  }

  /**
   * Sums up what is known when no more answers can come. Statements that were not reached after an error are `not-executed`; what was
   * never answered gets `unanswered`.
   */
  summarize(unanswered: ExecutionOutcome): Pick<ExecutionEnd, "result" | "results"> {
    const last = this.#last;
    if (this.spans.length <= 1 && this.#answers <= 1) {
      return { result: last ?? (this.rows === 0 ? { outcome: unanswered } : { outcome: unanswered, rows: this.rows }) };
    }
    const failed = this.#failed;
    const rest = Math.max(0, this.spans.length - this.current);
    const missing: ExecutionOutcome = failed === undefined ? unanswered : "not-executed";
    const listed = [...this.results];
    for (let index = 0; index < rest && listed.length < resultsListedMax; index += 1) {
      listed.push({ outcome: missing });
    }
    return {
      result: {
        ...(failed ?? last),
        outcome: failed?.outcome ?? (rest > 0 || last === undefined ? unanswered : "ok"),
        ...(this.#rowsTotal === 0 ? {} : { rows: this.#rowsTotal }),
        ...(this.#affectedTotal === 0 ? {} : { affectedRows: this.#affectedTotal }),
      },
      results: listed,
    };
  }
}
