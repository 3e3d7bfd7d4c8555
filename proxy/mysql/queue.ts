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
export type Success =
  | { readonly kind: "database"; readonly name: Buffer }
  | { readonly kind: "reset" }
  | { readonly kind: "multi-statements"; readonly isOn: boolean };

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

/** First in, first out, without moving what is left at every step. */
export class ExpectationQueue {
  #items: Expectation[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get head(): Expectation | undefined {
    return this.#items[this.#head];
  }

  push(item: Expectation): void {
    this.#items.push(item);
  }

  shift(): Expectation | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) {
      return undefined;
    }
    this.#head += 1;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head > 1_024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** All that wait, in order. */
  pending(): readonly Expectation[] {
    return this.#items.slice(this.#head);
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
