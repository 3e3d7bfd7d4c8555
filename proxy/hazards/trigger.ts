/** A word that makes a text worth reading. */
export interface TriggerWord {
  /** How it begins, in lower case: at least two plain characters. Case is ignored. */
  readonly begins: string;
  /** No further character of a word follows. */
  readonly isWhole?: true;
  /** One of these follows, after any white space. Lower case. */
  readonly followedBy?: readonly string[];
  /** None of these follows, after any white space. Lower case. */
  readonly notFollowedBy?: readonly string[];
}

/**
 * A quick look for words, made to cost ordinary statements next to nothing: a table of the first three characters at the beginning of
 * each word, and the rest only behind these. A match means nothing but that the text must be read.
 */
export class Trigger {
  /** By the first three characters: which of `#words` may begin so, counted from 1; 0 for none. */
  readonly #starts = new Uint8Array(1 << 15);
  readonly #words: TriggerWord[][] = [];

  constructor(words: readonly TriggerWord[]) {
    for (const word of words) {
      const [first = 0, second = 0, third] = Buffer.from(word.begins, "latin1");
      for (const last of third === undefined ? Array.from({ length: 32 }, (_, code) => code) : [third]) {
        this.#add(keyOf([first, second, last], 0), word);
      }
    }
  }

  /** Whether one of the words stands anywhere in the text. */
  test(sql: Buffer): boolean {
    const end = sql.length - 2;
    const starts = this.#starts;
    let wasWord = 0;
    for (let index = 0; index < end; index += 1) {
      const isWord = wordCharacter[sql[index] ?? 0] ?? 0;
      if (isWord > wasWord && starts[keyOf(sql, index)] !== 0 && this.#isWhole(sql, index)) {
        return true;
      }
      wasWord = isWord;
    }
    return false;
  }

  #add(key: number, word: TriggerWord): void {
    const known = this.#starts[key] ?? 0;
    if (known === 0) {
      this.#starts[key] = this.#words.push([word]);
    } else {
      this.#words[known - 1]?.push(word);
    }
  }

  #isWhole(sql: Buffer, index: number): boolean {
    const words = this.#words[(this.#starts[keyOf(sql, index)] ?? 0) - 1] ?? [];
    return words.some(({ begins, isWhole, followedBy, notFollowedBy }) => {
      const end = index + begins.length;
      if (!beginsWith(sql, index, begins) || (isWhole === true && wordCharacter[sql[end] ?? 0] === 1)) {
        return false;
      }
      const next = followedBy === undefined && notFollowedBy === undefined ? end : skipSpace(sql, end);
      return (
        followedBy?.some((word) => beginsWith(sql, next, word)) ??
        notFollowedBy?.every((word) => !beginsWith(sql, next, word)) ??
        true
      );
    });
  }
}

function skipSpace(sql: Buffer, from: number): number {
  let index = from;
  while (index < sql.length && (sql[index] ?? 0) <= 32) {
    index += 1;
  }
  return index;
}

function beginsWith(sql: Buffer, index: number, lower: string): boolean {
  for (let offset = 0; offset < lower.length; offset += 1) {
    const at = sql[index + offset] ?? 0;
    if ((at >= 65 && at <= 90 ? at | 32 : at) !== lower.charCodeAt(offset)) {
      return false;
    }
  }
  return true;
}

/** Letters of either case, digits and marks fall together; what is hit by accident fails the whole word. */
function keyOf(sql: ArrayLike<number>, index: number): number {
  return (((sql[index] ?? 0) & 31) << 10) | (((sql[index + 1] ?? 0) & 31) << 5) | ((sql[index + 2] ?? 0) & 31);
}

const wordCharacter = Uint8Array.from({ length: 256 }, (_, code) =>
  code >= 0x80 || /\w/.test(String.fromCharCode(code)) ? 1 : 0,
);
