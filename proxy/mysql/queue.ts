import type { Execution } from "./execution.ts";
import type { Prepared } from "./prepared.ts";
import type { ErrorCode } from "./violation.ts";

/**
 * How a command is answered (MySQL protocol, "Command Phase"). `status`: one OK, EOF or ERR. `results`: OK, ERR, or result sets, any
 * number of them. `text`: one packet of text. `refused`: by the proxy itself.
 */
export const answer = { status: 0, results: 1, prepare: 2, fetch: 3, fields: 4, text: 5, refused: 6 } as const;
export type Answer = (typeof answer)[keyof typeof answer];

/** Why a command is not forwarded; the client reads it as the command's answer. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  /** What its record should say besides. */
  readonly notices?: readonly string[];
}

/** What a command does to the session when it has succeeded. */
export type Success = { readonly kind: "reset" } | { readonly kind: "multi-statements"; readonly isOn: boolean };

/** One command of the client that will be answered. */
export interface Expectation {
  readonly answer: Answer;
  /** Undefined for what is not on record, such as COM_PING. */
  readonly execution: Execution | undefined;
  /** Sequence number of the answer's first packet. */
  readonly sequence: number;
  /** The text that is being prepared. */
  readonly preparing: Omit<Prepared, "id" | "parameters"> | undefined;
  /** The statement that is being executed or fetched from. */
  readonly statement: Prepared | undefined;
  readonly refusal: Refusal | undefined;
  readonly success: Success | undefined;
}

/** First in, first out, without moving what is left at every step. One command at a time is the rule, and costs no array. */
export class ExpectationQueue {
  #head: Expectation | undefined;
  #rest: Expectation[] = [];
  #taken = 0;

  get length(): number {
    return this.#head === undefined ? 0 : 1 + this.#rest.length - this.#taken;
  }

  get head(): Expectation | undefined {
    return this.#head;
  }

  push(item: Expectation): void {
    if (this.#head === undefined) {
      this.#head = item;
    } else {
      this.#rest.push(item);
    }
  }

  shift(): Expectation | undefined {
    const item = this.#head;
    this.#head = this.#rest[this.#taken];
    if (this.#head === undefined) {
      return item;
    }
    this.#taken += 1;
    if (this.#taken === this.#rest.length) {
      this.#rest = [];
      this.#taken = 0;
    } else if (this.#taken > 1_024 && this.#taken * 2 > this.#rest.length) {
      this.#rest = this.#rest.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }

  /** All that wait, in order. */
  pending(): readonly Expectation[] {
    return this.#head === undefined ? [] : [this.#head, ...this.#rest.slice(this.#taken)];
  }

  clear(): void {
    this.#head = undefined;
    this.#rest = [];
    this.#taken = 0;
  }
}
