import { isDigit, isTagCharacter, lineEnd, nameCharactersMax, numberEnd, postgresWordEnd } from "./characters.ts";
import type { TokenSink } from "./token-sink.ts";

/** White space and comments between two literals that are joined; where more lies between, they are two. */
const joinCharactersMax = 4_096;
/** What must be there to tell which token begins. */
const lookahead = 3;

type Inside = "quoted" | "line" | "nested" | "dollar" | "joined" | "run";

/**
 * Reads Postgres' SQL as `lex` does, from a text that comes in pieces: however it is cut, the same tokens are told. Text in which
 * every byte is one character will do. Keeps no more than what is not decided yet, a few KiB.
 */
export class StreamLexer {
  readonly #sink: TokenSink;
  readonly #standardStrings: boolean;
  #text = "";
  #base = 0;
  #at = 0;
  #isLast = false;
  #inside: Inside | undefined;
  #quote = "'";
  #backslash = false;
  /** In bits, where a doubled quote ends them and begins an ordinary literal. */
  #isBits = false;
  #isIdentifier = false;
  #start = 0;
  #from = 0;
  #name = "";
  #depth = 0;
  #tag = "";
  #kind: "word" | "other" = "word";
  #isUnterminated = false;

  constructor(sink: TokenSink, standardStrings: boolean) {
    this.#sink = sink;
    this.#standardStrings = standardStrings;
  }

  /** Good after the last piece: the text ended inside a token. */
  get isUnterminated(): boolean {
    return this.#isUnterminated;
  }

  push(piece: string, isLast: boolean): void {
    this.#text = this.#at >= this.#text.length ? piece : this.#text.slice(this.#at) + piece;
    this.#base += this.#at;
    this.#at = 0;
    this.#isLast = isLast;
    while (this.#at < this.#text.length && this.#step()) {
      // Each step reads a token, or a part of one.
    }
    if (isLast) {
      this.#finish();
    }
  }

  /** False when it must wait for more. */
  #step(): boolean {
    switch (this.#inside) {
      case undefined:
        return this.#plain();
      case "quoted":
        return this.#quoted();
      case "line":
        return this.#line();
      case "nested":
        return this.#nested();
      case "dollar":
        return this.#dollar();
      case "joined":
        return this.#joined();
      case "run":
        return this.#run();
    }
  }

  /** The text is over. */
  #finish(): void {
    const inside = this.#inside;
    const end = this.#base + this.#text.length;
    this.#inside = undefined;
    if (inside === "joined" || inside === "line") {
      this.#sink.end(inside === "joined" ? this.#base + this.#at - 1 : end, false);
    } else if (inside === "run") {
      this.#sink.name(this.#kind, this.#name, { start: this.#start, end, isEscaped: false });
    } else if (inside !== undefined) {
      this.#isUnterminated = true;
      if (!this.#isIdentifier || inside !== "quoted") {
        this.#sink.end(end, false);
      }
    }
  }

  #plain(): boolean {
    const text = this.#text;
    const at = this.#at;
    const code = text.charCodeAt(at);
    if (code === 32 || (code >= 9 && code <= 13)) {
      this.#at += 1;
      return true;
    }
    if (!this.#isLast && text.length - at < lookahead) {
      return false;
    }
    const next = text.charCodeAt(at + 1);
    if (code === 0x27) {
      return this.#beginQuoted(1, "'", !this.#standardStrings, false);
    }
    if (code === 0x22) {
      return this.#beginQuoted(1, '"', false, true);
    }
    if (code === 0x24) {
      return this.#plainDollar();
    }
    if (code === 0x2d && next === 0x2d) {
      return this.#beginComment("line");
    }
    if (code === 0x2f && next === 0x2a) {
      return this.#beginComment("nested");
    }
    if ((code | 0x20) === 0x65 && next === 0x27) {
      return this.#beginQuoted(2, "'", true, false);
    }
    if (((code | 0x20) === 0x62 || (code | 0x20) === 0x78) && next === 0x27) {
      return this.#beginQuoted(2, "'", false, false, true);
    }
    if ((code | 0x20) === 0x75 && next === 0x26) {
      const mark = text[at + 2];
      if (mark === "'" || mark === '"') {
        return this.#beginQuoted(3, mark, false, mark === '"');
      }
    }
    return this.#word();
  }

  #word(): boolean {
    const text = this.#text;
    const at = this.#at;
    const wordEnd = postgresWordEnd(text, at);
    const isWord = wordEnd > at;
    const end = isWord ? wordEnd : Math.max(numberEnd(text, at), at + 1);
    const isRun = isWord || end > at + 1 || isDigit(text.charCodeAt(at));
    if (isRun && end === text.length && !this.#isLast) {
      if (end - at < nameCharactersMax) {
        return false;
      }
      this.#inside = "run";
      this.#kind = isWord ? "word" : "other";
      this.#start = this.#base + at;
      this.#name = text.slice(at, at + nameCharactersMax).toLowerCase();
      this.#at = end;
      return true;
    }
    const name =
      end === at + 1 && !isWord ? text.charAt(at) : text.slice(at, Math.min(end, at + nameCharactersMax)).toLowerCase();
    this.#at = end;
    const place = { start: this.#base + at, end: this.#base + end, isEscaped: false };
    this.#sink.name(isWord ? "word" : "other", name, place);
    return true;
  }

  /** A word or number that is longer than any name. */
  #run(): boolean {
    // A word goes on with what a number goes on with, and dollars: a character before it says which.
    const end =
      this.#kind === "word"
        ? postgresWordEnd(`_${this.#text.slice(this.#at)}`, 0) - 1 + this.#at
        : numberEnd(`0${this.#text.slice(this.#at)}`, 0) - 1 + this.#at;
    this.#at = end;
    if (end < this.#text.length) {
      this.#inside = undefined;
      this.#sink.name(this.#kind, this.#name, { start: this.#start, end: this.#base + end, isEscaped: false });
    }
    return true;
  }

  #beginQuoted(marks: number, quote: string, backslash: boolean, isIdentifier: boolean, isBits = false): boolean {
    this.#inside = "quoted";
    this.#quote = quote;
    this.#backslash = backslash;
    this.#isBits = isBits;
    this.#isIdentifier = isIdentifier;
    this.#name = "";
    this.#begin(marks, isIdentifier ? undefined : "string", "");
    return true;
  }

  #beginComment(inside: "line" | "nested"): boolean {
    this.#inside = inside;
    this.#depth = 1;
    this.#begin(2, "comment", "");
    return true;
  }

  #begin(marks: number, kind: "string" | "comment" | undefined, tag: string): void {
    this.#start = this.#base + this.#at;
    this.#from = this.#start + marks;
    this.#at += marks;
    if (kind !== undefined) {
      this.#sink.begin(kind, { start: this.#start, from: this.#from, tag });
    }
  }

  #quoted(): boolean {
    const text = this.#text;
    const begin = this.#at;
    const quote = this.#quote.charCodeAt(0);
    for (let at = begin; ; at += 1) {
      if (this.#backslash) {
        let code = text.charCodeAt(at);
        while (at < text.length && code !== 0x5c && code !== quote) {
          at += 1;
          code = text.charCodeAt(at);
        }
      } else {
        const found = text.indexOf(this.#quote, at);
        at = found < 0 ? text.length : found;
      }
      if (at >= text.length) {
        this.#content(begin, text.length);
        return false;
      }
      if (at + 1 === text.length && !this.#isLast) {
        // The next character decides.
        this.#content(begin, at);
        return false;
      }
      if (text.charCodeAt(at) !== quote || text.charCodeAt(at + 1) === quote) {
        this.#backslash ||= this.#isBits && !this.#standardStrings;
        this.#isBits = false;
        at += 1;
        continue;
      }
      this.#content(begin, at);
      this.#at = at + 1;
      this.#endQuoted();
      return true;
    }
  }

  #endQuoted(): void {
    const end = this.#base + this.#at;
    if (this.#isIdentifier) {
      this.#inside = undefined;
      const isEscaped = this.#from - this.#start > 1;
      this.#sink.name("identifier", this.#name.toLowerCase(), { start: this.#start, end, isEscaped });
    } else {
      this.#inside = "joined";
      if (this.#at === this.#text.length && this.#isLast) {
        this.#inside = undefined;
        this.#sink.end(end - 1, false);
      }
    }
  }

  #content(from: number, to: number): void {
    this.#at = Math.min(to, this.#text.length);
    if (to <= from) {
      return;
    }
    const text = this.#text.slice(from, to);
    if (this.#inside === "quoted" && this.#isIdentifier) {
      this.#name += this.#name.length < nameCharactersMax ? text.slice(0, nameCharactersMax - this.#name.length) : "";
    } else {
      this.#sink.content(text);
    }
  }

  /**
   * Behind a literal's closing quote: 'a' and 'b' are one where at least one line end, and besides it only white space and line
   * comments, lie between.
   */
  #joined(): boolean {
    const text = this.#text;
    let at = this.#at;
    let lines = 0;
    for (;;) {
      const code = text.charCodeAt(at);
      if (at >= text.length || (code === 0x2d && at + 1 >= text.length)) {
        if (!this.#isLast && at - this.#at < joinCharactersMax) {
          return false;
        }
        break;
      }
      if (code === 0x0a || code === 0x0d) {
        lines += 1;
      } else if (code === 0x2d && text.charCodeAt(at + 1) === 0x2d) {
        at = lineEnd(text, at);
        continue;
      } else if (!(code === 32 || code === 9 || code === 11 || code === 12)) {
        break;
      }
      at += 1;
    }
    if (text[at] === "'" && lines > 0 && at - this.#at < joinCharactersMax) {
      this.#sink.content(text.slice(this.#at - 1, at + 1));
      this.#at = at + 1;
      this.#inside = "quoted";
    } else {
      this.#inside = undefined;
      this.#sink.end(this.#base + this.#at - 1, at - this.#at >= joinCharactersMax);
    }
    return true;
  }

  #line(): boolean {
    const end = lineEnd(this.#text, this.#at);
    this.#content(this.#at, end);
    if (end < this.#text.length) {
      this.#inside = undefined;
      this.#sink.end(this.#base + end, false);
    }
    return true;
  }

  /** Comments nest. */
  #nested(): boolean {
    const text = this.#text;
    const begin = this.#at;
    for (let at = begin; ; at += 1) {
      let code = text.charCodeAt(at);
      while (at < text.length && code !== 0x2a && code !== 0x2f) {
        at += 1;
        code = text.charCodeAt(at);
      }
      if (at + 1 >= text.length) {
        this.#content(begin, this.#isLast ? text.length : Math.min(at, text.length));
        return false;
      }
      const next = text.charCodeAt(at + 1);
      if (code === 0x2f && next === 0x2a) {
        this.#depth += 1;
        at += 1;
      } else if (code === 0x2a && next === 0x2f) {
        this.#depth -= 1;
        if (this.#depth === 0) {
          this.#content(begin, at);
          this.#inside = undefined;
          this.#sink.end(this.#base + at, false);
          this.#at = at + 2;
          return true;
        }
        at += 1;
      }
    }
  }

  #plainDollar(): boolean {
    const text = this.#text;
    const at = this.#at;
    let end = at + 1;
    while (isTagCharacter(text.charCodeAt(end))) {
      end += 1;
    }
    if (end === text.length && !this.#isLast && end - at < nameCharactersMax) {
      return false;
    }
    if (text[end] === "$" && !isDigit(text.charCodeAt(at + 1))) {
      this.#inside = "dollar";
      this.#tag = text.slice(at, end + 1);
      this.#begin(end + 1 - at, "string", this.#tag);
      return true;
    }
    let digits = at + 1;
    while (isDigit(text.charCodeAt(digits))) {
      digits += 1;
    }
    this.#at = digits;
    const place = { start: this.#base + at, end: this.#base + digits, isEscaped: false };
    this.#sink.name("other", text.slice(at, digits), place);
    return true;
  }

  #dollar(): boolean {
    const begin = this.#at;
    const found = this.#text.indexOf(this.#tag, begin);
    if (found < 0) {
      const kept = this.#isLast ? 0 : this.#tag.length - 1;
      this.#content(begin, Math.max(begin, this.#text.length - kept));
      return false;
    }
    this.#content(begin, found);
    this.#inside = undefined;
    this.#sink.end(this.#base + found, false);
    this.#at = found + this.#tag.length;
    return true;
  }
}
