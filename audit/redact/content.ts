import {
  Addresses,
  Assignments,
  authorityCharactersMax,
  type Finder,
  openAnywhere,
  openAtEnd,
  type OpenSpan,
  overlapCharacters,
  Statements,
} from "./finders.ts";
import type { Span } from "./spans.ts";
import { trigger } from "./words.ts";

/**
 * Secrets inside a piece of text that is no SQL of its own: a literal's content (a connection string, a statement for
 * EXECUTE), a comment, a bound value, a server's message.
 */
export interface ContentSecrets {
  readonly spans: readonly Span[];
  /** A secret is about to follow where the text ends or has a placeholder, so that later literals must be taken as it. */
  readonly open: boolean;
}

/** Finds them. Text that ends before a value does is a secret to its end. */
export function contentSecrets(text: string): ContentSecrets {
  const spans: OpenSpan[] = [];
  const scan = new ContentScan(spans);
  scan.push(text, true);
  return { spans, open: scan.open };
}

/**
 * The same for text that passes in pieces: however it is cut, the same is found. White space is what SQL means by it, so text may be given
 * with one character for each byte. Keeps the last few KiB of what it has seen.
 */
export class ContentScan {
  readonly #finders: readonly Finder[];
  #text = "";
  #base: number;
  #open = false;

  /** What is found goes to `spans`, with `offset` added; the end of one that goes on is infinite. */
  constructor(spans: OpenSpan[], offset = 0) {
    this.#base = offset;
    this.#finders = [new Assignments(spans), new Addresses(spans), new Statements(spans)];
  }

  /** Good after the last piece. */
  get open(): boolean {
    return this.#open;
  }

  push(piece: string, isLast: boolean): void {
    this.#text += piece;
    const window = { text: this.#text, base: this.#base, isLast };
    // No rule applies where no trigger word is near, unless one has begun.
    if (this.#finders.some(({ isInside }) => isInside) || trigger.test(this.#text)) {
      for (const finder of this.#finders) {
        finder.step(window);
      }
      this.#open ||= openAnywhere.test(this.#text) || (isLast && openAtEnd.test(this.#text));
    }
    const end = this.#base + this.#text.length;
    let needed = end - keptCharacters;
    for (const { needs, isInside } of this.#finders) {
      needed = isInside ? Math.min(needed, needs - overlapCharacters) : needed;
    }
    if (needed > this.#base) {
      this.#text = this.#text.slice(needed - this.#base);
      this.#base = needed;
    }
  }
}

/** More than any rule looks back. */
const keptCharacters = authorityCharactersMax + 2 * overlapCharacters;
