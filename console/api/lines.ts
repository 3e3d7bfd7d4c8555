/** Longest line in characters: a statement record is below 1 MiB, JSON escapes included; more is no line of ours. */
export const lineCharactersMax = 4 * 1024 * 1024;

/**
 * Splits text that comes in pieces into JSON lines. `push` returns the values that are complete by now; a piece of a line waits for its rest.
 * Throws when a line is no JSON or does not end within `lineCharactersMax`.
 */
export class LineSplitter {
  #rest: string[] = [];
  #restLength = 0;

  push(piece: string): unknown[] {
    const parts = piece.split("\n");
    const last = parts.pop() ?? "";
    const values: unknown[] = [];
    for (const part of parts) {
      const line = this.#rest.join("") + part;
      this.#rest = [];
      this.#restLength = 0;
      if (line !== "") {
        values.push(JSON.parse(line));
      }
    }
    this.#rest.push(last);
    this.#restLength += last.length;
    if (this.#restLength > lineCharactersMax) {
      throw new Error(`a line of more than ${lineCharactersMax} characters`);
    }
    return values;
  }
}
