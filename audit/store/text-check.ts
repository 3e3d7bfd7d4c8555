import { createHash } from "node:crypto";
import { UserError } from "#lib/errors.ts";
import { bytesOfText } from "../text.ts";
import type { TextPiece, TextQuery } from "./types.ts";

/** Checks that the pieces of a large text are all there and are what was written. */
export class TextCheck {
  /** Position of the piece that must come next. */
  nextIndex = 0;
  readonly #query: TextQuery;
  readonly #digest = createHash("sha256");
  #bytes = 0;
  #isComplete = false;

  constructor(query: TextQuery) {
    this.#query = query;
  }

  /** Whether the last piece was there. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Throws `UserError` when the piece is not the next one, or is the last one of something else. */
  take(piece: TextPiece): void {
    const bytes = bytesOfText(piece.data);
    if (piece.index !== this.nextIndex || this.#isComplete) {
      throw this.#incomplete(`Piece ${this.nextIndex} is missing.`);
    }
    this.nextIndex += 1;
    this.#digest.update(bytes);
    this.#bytes += bytes.length;
    if (piece.whole !== undefined) {
      this.#isComplete = true;
      if (piece.whole.bytes !== this.#bytes || piece.whole.sha256 !== this.#digest.digest("hex")) {
        throw this.#incomplete("Its pieces together are not what was written.");
      }
    }
  }

  /** No more pieces are there. Throws `UserError` when the last one was not. */
  finish(): void {
    if (!this.#isComplete) {
      throw this.#incomplete(`Piece ${this.nextIndex} is missing.`);
    }
  }

  #incomplete(why: string): UserError {
    const { session, text } = this.#query;
    return new UserError("TextIncomplete", `Text ${text} of session ${session} is not whole in the audit store`, {
      why,
      next: "Run `sallyport audit verify`: it says whether records are missing, or the task has not sent them yet.",
    });
  }
}
