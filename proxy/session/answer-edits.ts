import { ProtocolViolation } from "../postgres/protocol.ts";

const empty = Buffer.alloc(0);
/** Of a message that is not complete so much is kept back. What is replaced is an error of some hundred bytes; all else may pass. */
export const heldAnswerBytesMax = 65_536;

/**
 * Replaces messages on their way to the client. Only while one may come that must be replaced, the beginning of a message is kept
 * back until it is complete, since nobody knows yet what it is.
 */
export class AnswerEdits {
  #held: Buffer = empty;
  #edits: { readonly start: number; readonly end: number; readonly bytes: Buffer }[] = [];
  /** The message that is not complete was given away in part. */
  #isPassing = false;

  /** Whether there is anything to do for a chunk, besides what may still come. */
  get isBusy(): boolean {
    return this.#held.length > 0 || this.#edits.length > 0;
  }

  /** The message between two offsets of the chunk that is being read becomes `bytes`; it may have begun before that chunk. */
  replace(start: number, end: number, bytes: Buffer): void {
    if (start < -this.#held.length) {
      throw new ProtocolViolation("the server's answer to a refused statement is longer than any error");
    }
    this.#edits.push({ start, end, bytes });
  }

  /**
   * What the client gets of a chunk that was read. `boundary`: where its last complete message ends, −1 where none does.
   * `mayReplace`: whether a message that must be replaced can still come.
   */
  apply(chunk: Buffer, boundary: number, mayReplace: boolean): Buffer {
    const shift = this.#held.length;
    const bytes = shift === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const complete = boundary < 0 ? 0 : boundary + shift;
    const isWhole = boundary === chunk.length;
    const passes =
      isWhole || !mayReplace || bytes.length - complete > heldAnswerBytesMax || (boundary < 0 && this.#isPassing);
    const end = passes ? bytes.length : complete;
    const parts: Buffer[] = [];
    let from = 0;
    for (const edit of this.#edits) {
      parts.push(bytes.subarray(from, edit.start + shift), edit.bytes);
      from = edit.end + shift;
    }
    parts.push(bytes.subarray(from, end));
    this.#edits = [];
    this.#held = Buffer.from(bytes.subarray(end));
    this.#isPassing = passes && !isWhole;
    return Buffer.concat(parts);
  }
}
