import type { Span } from "./spans.ts";

/** A span while its end is not known: infinite. */
export type OpenSpan = { -readonly [Key in keyof Span]: Span[Key] };

/** What is still there of a text that passes; `base` is the offset of its first character in the whole. */
export interface TextWindow {
  readonly text: string;
  readonly base: number;
  /** Nothing follows. */
  readonly isLast: boolean;
}

/** How far one rule has read. */
export interface Finder {
  /** From here on it wants to see the text. */
  readonly needs: number;
  /** Whether it is inside a value: then it must see all that follows. */
  readonly isInside: boolean;
  step(window: TextWindow): void;
}

/** Longer than any match of the patterns with what is looked at behind it: all their repetitions are bounded. */
export const overlapCharacters = 512;
/** Longest user information of an address: tokens that stand for passwords have 2 KiB, escaped twice that. */
export const authorityCharactersMax = 8_192;

const space = String.raw`[ \t\n\r\f\v]`;
const name = String.raw`(?:passw(?:or)?d|pwd|passphrase|passcode|secret_access_key|session_token|credentials)`;
/** A quote as it may stand inside a literal: doubled, escaped or plain; or a dollar quote. */
const quote = String.raw`(?:''|\\'|'|\\"|"|\$\w{0,63}\$)`;
const startingQuote = new RegExp(`^${quote}`);
/** `password=value` of connection strings (libpq, ODBC, JDBC) and of query strings. */
const assignment = new RegExp(String.raw`${name}[ \t]{0,64}=[ \t]{0,64}`, "gi");
/** A statement inside the text: `PASSWORD 'x'`, `IDENTIFIED BY 'x'`. */
const connector = String.raw`(?:=>|:=|=|\(|\bto\b|\bas\b)`;
// White space is given to one place only: where two may share it, a run of it is tried in every division.
const nestedStatement = new RegExp(
  `(?:${name}|\\b(?:by|using|as))(?:${space}{0,64}${connector}${space}{0,64}|${space}{0,128})(?:[eEnN]|[uU]&)?(${quote})`,
  "gi",
);
const identified = /identified/gi;
/** Before a value that the text ends in front of, or that stands for another. */
const opening = `(?:${name}|identified${space}{1,64}by)`;
const beforeValue = `(?:${space}{0,128}|${space}{0,64}(?:=>|:=|=|\\()${space}{0,64})`;
/** A secret is put where `%s` stands. */
export const openAnywhere = new RegExp(`${opening}${beforeValue}${quote}?%`, "i");
/** A secret follows the end of the text. */
export const openAtEnd = new RegExp(
  `${opening}(?:${space}{0,192}|${space}{0,64}(?:=>|:=|=|\\()${space}{0,128}|${beforeValue}[eE]?${quote}${space}{0,64})$`,
  "i",
);
/** What stands for a value that is given elsewhere: it is no secret itself. */
const placeholder = /^(?:\$\d+|\?|%\w|:\w+)(?=$|[ \t\n\r\f\v;,)&'"])/;

/** How a value is read to its end, over any number of windows. Returns where it ends; −1 when that is not in the window. */
type ValueEnd = (window: TextWindow, from: number) => { readonly end: number; readonly readTo: number };

/** Goes on from match to match of one pattern, through values of any length. */
abstract class PatternFinder implements Finder {
  readonly #pattern: RegExp;
  protected readonly spans: OpenSpan[];
  #next = 0;
  #value: { readonly span: OpenSpan; readonly ends: ValueEnd; readTo: number } | undefined;

  constructor(pattern: RegExp, spans: OpenSpan[]) {
    this.#pattern = pattern;
    this.spans = spans;
  }

  get needs(): number {
    return this.#value === undefined ? this.#next : Math.min(this.#next, this.#value.readTo);
  }

  get isInside(): boolean {
    return this.#value !== undefined;
  }

  step(window: TextWindow): void {
    const { text, base, isLast } = window;
    const end = base + text.length;
    const settled = isLast ? end : end - overlapCharacters;
    for (;;) {
      if (this.#value !== undefined && !this.#readValue(window)) {
        return;
      }
      this.#pattern.lastIndex = Math.max(0, this.#next - base);
      const match = this.#pattern.exec(text);
      if (match === null || base + match.index >= settled) {
        const reached = match === null ? settled : Math.min(base + match.index, end);
        this.#next = Math.max(this.#next, reached);
        return;
      }
      this.#next = base + match.index + match[0].length;
      this.found(match, window);
    }
  }

  protected abstract found(match: RegExpExecArray, window: TextWindow): void;

  protected begin(start: number, ends: ValueEnd): void {
    const span = { start, end: Number.POSITIVE_INFINITY };
    this.spans.push(span);
    this.#value = { span, ends, readTo: start };
  }

  /** Whether the value ended. */
  #readValue(window: TextWindow): boolean {
    const value = this.#value;
    if (value === undefined) {
      return true;
    }
    const { end, readTo } = value.ends(window, value.readTo);
    value.readTo = readTo;
    if (end < 0) {
      // Of a long value only its end matters.
      this.#next = Math.max(this.#next, readTo - overlapCharacters);
      return false;
    }
    value.span.end = end;
    this.#next = Math.max(this.#next, end - overlapCharacters);
    this.#value = undefined;
    return true;
  }
}

/** Libpq's and other connection strings. */
export class Assignments extends PatternFinder {
  #last: OpenSpan | undefined;

  constructor(spans: OpenSpan[]) {
    super(assignment, spans);
  }

  protected found(match: RegExpExecArray, { text, base }: TextWindow): void {
    const at = match.index + match[0].length;
    // What lies in a value that was found is no start of another; it also keeps the time in proportion to the text.
    if (base + at <= (this.#last?.end ?? 0)) {
      return;
    }
    const rest = text.slice(at, at + 64);
    const mark = startingQuote.exec(rest)?.[0];
    if (mark !== undefined) {
      this.begin(base + at + mark.length, quotedEnd(mark));
    } else if (!placeholder.test(rest)) {
      const before = text[match.index - 1];
      this.begin(base + at, plainEnd(before === "?" || before === "&"));
    } else {
      return;
    }
    this.#last = this.spans.at(-1);
  }
}

/** Statements inside a text. BY, USING and AS introduce a secret only after IDENTIFIED. */
export class Statements extends PatternFinder {
  #last: OpenSpan | undefined;
  /** Where IDENTIFIED stands first; −1 as long as it did not come. */
  #identifiedAt = -1;
  #lookedTo = 0;

  constructor(spans: OpenSpan[]) {
    super(nestedStatement, spans);
  }

  override get isInside(): boolean {
    return super.isInside || this.#identifiedAt >= 0;
  }

  override step(window: TextWindow): void {
    if (this.#identifiedAt < 0) {
      identified.lastIndex = Math.max(0, this.#lookedTo - window.base);
      const index = identified.exec(window.text)?.index ?? -1;
      this.#identifiedAt = index < 0 ? -1 : window.base + index;
      this.#lookedTo = window.base + window.text.length - "identified".length;
    }
    super.step(window);
  }

  protected found(match: RegExpExecArray, { base }: TextWindow): void {
    if (base + match.index < (this.#last?.end ?? 0)) {
      return;
    }
    const isAfter = this.#identifiedAt >= 0 && this.#identifiedAt < base + match.index;
    if (isAfter || !/^(?:by|using|as)/i.test(match[0])) {
      this.begin(base + match.index + match[0].length, quotedEnd(match[1] ?? ""));
      this.#last = this.spans.at(-1);
    }
  }
}

/**
 * `scheme://user:password@host`: libpq and others read the user information up to the last `@` before a slash, so that is
 * what is taken.
 */
export class Addresses implements Finder {
  readonly #spans: OpenSpan[];
  readonly #authority = new RegExp(`[^ \\t\\n\\r\\f\\v/'"]{0,${authorityCharactersMax}}`, "y");
  #next = 0;

  constructor(spans: OpenSpan[]) {
    this.#spans = spans;
  }

  readonly isInside = false;

  get needs(): number {
    return this.#next;
  }

  step({ text, base, isLast }: TextWindow): void {
    for (;;) {
      const mark = text.indexOf("://", Math.max(0, this.#next - base));
      if (mark < 0) {
        this.#next = Math.max(this.#next, base + text.length - "://".length + 1);
        return;
      }
      this.#authority.lastIndex = mark + 3;
      const found = this.#authority.exec(text)?.[0] ?? "";
      if (!isLast && mark + 3 + found.length === text.length && found.length < authorityCharactersMax) {
        this.#next = base + mark;
        return;
      }
      const colon = found.indexOf(":");
      const at = found.lastIndexOf("@");
      if (colon >= 0 && at > colon) {
        this.#spans.push({ start: base + mark + 3 + colon + 1, end: base + mark + 3 + at });
      }
      this.#next = base + mark + 3;
    }
  }
}

/** Libpq ends an unquoted value at white space that no backslash escapes; a query string's ends at `&`. */
function plainEnd(inQuery: boolean): ValueEnd {
  let isEscaped = false;
  return ({ text, base, isLast }, from) => {
    for (let at = from - base; at < text.length; at += 1) {
      const char = text[at] ?? "";
      if (isEscaped) {
        isEscaped = false;
      } else if (char === "\\" && !inQuery) {
        isEscaped = true;
      } else if (isSpace(char) || (inQuery && char === "&")) {
        return { end: base + at, readTo: base + at };
      }
    }
    const end = base + text.length;
    return { end: isLast ? end : -1, readTo: end };
  };
}

const isSpace = (char: string): boolean => char === " " || (char >= "\t" && char <= "\r");

function quotedEnd(mark: string): ValueEnd {
  return ({ text, base, isLast }, from) => {
    const length = mark.length;
    for (let at = from - base; ;) {
      const end = text.indexOf(mark, at);
      if (end < 0) {
        const whole = base + text.length;
        return isLast ? { end: whole, readTo: whole } : { end: -1, readTo: Math.max(base + at, whole - length + 1) };
      }
      if (!isLast && end + 2 * length > text.length) {
        return { end: -1, readTo: base + end };
      }
      if (mark.startsWith("$") || !text.startsWith(mark, end + length)) {
        return { end: base + end, readTo: base + end };
      }
      at = end + 2 * length;
    }
  };
}
