import type { Execution } from "./execution.ts";
import type { Refusal, Verdict } from "./judge.ts";
import type { Prepared, Undo } from "./names.ts";
import type { StoredSQL } from "./stored-text.ts";

/** One message of the client that the server will answer, or that changes how answers are read. */
export type Expectation =
  /** `undo`: the unnamed statement is dropped by it. `refusal`: the server has something in its place that fails. */
  | { readonly kind: "query"; readonly execution: Execution; readonly undo: Undo; readonly refusal?: Refusal }
  | { readonly kind: "function"; readonly execution: Execution; readonly refusal?: Refusal }
  | { readonly kind: "execute"; readonly execution: Execution }
  | {
      readonly kind: "parse";
      readonly name: string;
      readonly sql: Buffer;
      readonly stored?: StoredSQL;
      readonly undo: Undo;
      readonly verdict?: Verdict;
      readonly refusal?: Refusal;
    }
  | { readonly kind: "bind"; readonly portal: string; readonly undo: Undo }
  | {
      readonly kind: "close";
      readonly target: { readonly kind: "statement" | "portal"; readonly name: string };
      readonly undo: Undo;
    }
  | { readonly kind: "describe"; readonly prepared: Prepared | undefined }
  | { readonly kind: "sync" }
  /** CopyDone or CopyFail: not answered, but it ends the stretch in which the server ignores Sync. */
  | { readonly kind: "copy-end" };

/** An emptied list of so many keeps its memory, as most sessions use no more at a time. */
const keptItems = 64;

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
      this.#head = 0;
      if (this.#items.length > keptItems) {
        this.#items = [];
      } else {
        this.#items.length = 0;
      }
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

  /** Puts `items` in place of all that wait. */
  replace(items: readonly Expectation[]): void {
    this.#items = [...items];
    this.#head = 0;
  }
}
