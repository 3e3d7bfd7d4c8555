/** How the server reads quotes at this moment (sql_mode). */
export interface QuoteMode {
  /** NO_BACKSLASH_ESCAPES: a backslash is a backslash. */
  readonly noBackslashEscapes: boolean;
  /** ANSI_QUOTES: "…" is an identifier. */
  readonly ansiQuotes: boolean;
}

/** `word`: keyword, plain identifier or number. `identifier`: a quoted one. `mark`: one character of anything else. */
export type TokenKind = "start" | "word" | "identifier" | "string" | "mark" | "end";

const code = (character: string): number => character.charCodeAt(0);
const [quote, doubleQuote, backtick, backslash, dash, slash, star, hash, newline, bang, letterM] = [
  code("'"),
  code('"'),
  code("`"),
  code("\\"),
  code("-"),
  code("/"),
  code("*"),
  code("#"),
  code("\n"),
  code("!"),
  code("M"),
];

function isWordPart(at: number): boolean {
  return (
    (at >= 97 && at <= 122) || (at >= 65 && at <= 90) || (at >= 48 && at <= 57) || at === 95 || at === 36 || at >= 128
  );
}

/** How a text is read where that is not the usual way. */
export interface SqlTokenOptions {
  /** The same text, of the same length, of which tokens show what they hold. */
  readonly shown?: string;
  /** Whether the server runs an executable comment of this version; all of them when absent. */
  readonly runs?: ((version: number | undefined, forMariaDB: boolean) => boolean) | undefined;
}

/** Five or six digits behind the mark of an executable comment are a version (MySQL manual, "Comments"); fewer are code. */
function versionAt(sql: string, at: number): number | undefined {
  const digits = /^\d{5,6}/.exec(sql.slice(at, at + 6))?.[0];
  return digits === undefined ? undefined : Number(digits);
}

/** End of an executable comment that is not run: unlike any other it may hold one more comment. */
function nestedEnd(sql: string, from: number): number {
  for (let at = from; ;) {
    const close = sql.indexOf("*/", at);
    const open = sql.indexOf("/*", at);
    if (close < 0 || open < 0 || open > close) {
      return close < 0 ? sql.length : close + 2;
    }
    const inner = sql.indexOf("*/", open + 2);
    if (inner < 0) {
      return sql.length;
    }
    at = inner + 2;
  }
}

/**
 * Goes over the tokens of MySQL or MariaDB text, Latin-1 decoded, as the servers' scanner does (MySQL manual, "Language Structure").
 * What is in an executable comment is code; other comments and white space are passed over. It never throws: what cannot end runs to
 * the end of the text.
 */
export class SqlTokens {
  readonly #sql: string;
  readonly #mode: QuoteMode;
  readonly #shown: string;
  readonly #runs: SqlTokenOptions["runs"];
  /** Executable comments that were passed over, in order. */
  readonly skipped: { readonly start: number; readonly end: number }[] = [];
  /** An executable comment is open: only then do the characters that end one mean that. In `2 *` and a comment behind it they do not. */
  #isOpen = false;
  kind: TokenKind = "start";
  /** Offsets of the token. */
  start = 0;
  end = 0;

  constructor(sql: string, mode: QuoteMode, { shown = sql, runs }: SqlTokenOptions = {}) {
    this.#sql = sql;
    this.#mode = mode;
    this.#shown = shown;
    this.#runs = runs;
  }

  /** Another one that stands at the same token. */
  fork(): SqlTokens {
    const other = new SqlTokens(this.#sql, this.#mode, { shown: this.#shown, runs: this.#runs });
    other.#isOpen = this.#isOpen;
    other.kind = this.kind;
    other.start = this.start;
    other.end = this.end;
    return other;
  }

  /** The token as it stands; of a quoted one what is between the quotes, unchanged. */
  text(): string {
    return this.kind === "identifier" || this.kind === "string"
      ? this.#shown.slice(this.start + 1, this.end - 1)
      : this.#shown.slice(this.start, this.end);
  }

  /** Whether it is this keyword, given in lower case. */
  isWord(word: string): boolean {
    return this.kind === "word" && this.end - this.start === word.length && this.text().toLowerCase() === word;
  }

  isMark(mark: string): boolean {
    return this.kind === "mark" && this.#sql[this.start] === mark;
  }

  /** Moves to the next token; stays at `end`. */
  next(): void {
    const sql = this.#sql;
    let at = this.end;
    for (let past = this.#skipQuiet(at); past > at; past = this.#skipQuiet(at)) {
      at = past;
    }
    this.start = at;
    if (at >= sql.length) {
      this.kind = "end";
      this.end = at;
      return;
    }
    const char = sql.charCodeAt(at);
    if (isWordPart(char)) {
      this.kind = "word";
      do {
        at += 1;
      } while (at < sql.length && isWordPart(sql.charCodeAt(at)));
      this.end = at;
    } else if (char === quote || char === doubleQuote || char === backtick) {
      const isName = char === backtick || (char === doubleQuote && this.#mode.ansiQuotes);
      this.kind = isName ? "identifier" : "string";
      this.end = this.#skipQuoted(at, char, !isName && !this.#mode.noBackslashEscapes);
    } else {
      this.kind = "mark";
      this.end = at + 1;
    }
  }

  /** Offset past one white space, comment, or mark of an executable comment at `at`; `at` when there is none. */
  #skipQuiet(at: number): number {
    const sql = this.#sql;
    const char = sql.charCodeAt(at);
    if (char <= 32 || char === 127) {
      return at + 1;
    }
    if (char === hash) {
      return this.#lineEnd(at);
    }
    if (char === dash && sql.charCodeAt(at + 1) === dash) {
      const after = sql.charCodeAt(at + 2);
      return Number.isNaN(after) || after <= 32 || after === 127 ? this.#lineEnd(at) : at;
    }
    if (this.#isOpen && char === star && sql.charCodeAt(at + 1) === slash) {
      this.#isOpen = false;
      return at + 2;
    }
    if (char !== slash || sql.charCodeAt(at + 1) !== star) {
      return at;
    }
    const mark = sql.charCodeAt(at + 2);
    if (mark === bang || (mark === letterM && sql.charCodeAt(at + 3) === bang)) {
      let end = at + (mark === bang ? 3 : 4);
      if (this.#runs?.(versionAt(sql, end), mark === letterM) === false) {
        const skippedEnd = nestedEnd(sql, end);
        this.skipped.push({ start: at, end: skippedEnd });
        return skippedEnd;
      }
      this.#isOpen = true;
      while (sql.charCodeAt(end) >= 48 && sql.charCodeAt(end) <= 57) {
        end += 1;
      }
      return end;
    }
    const close = sql.indexOf("*/", at + 2);
    return close < 0 ? sql.length : close + 2;
  }

  #lineEnd(at: number): number {
    for (let end = at; end < this.#sql.length; end += 1) {
      if (this.#sql.charCodeAt(end) === newline) {
        return end + 1;
      }
    }
    return this.#sql.length;
  }

  #skipQuoted(at: number, mark: number, escapes: boolean): number {
    const sql = this.#sql;
    for (let end = at + 1; end < sql.length; end += 1) {
      const char = sql.charCodeAt(end);
      if (char === backslash && escapes) {
        end += 1;
      } else if (char === mark) {
        if (sql.charCodeAt(end + 1) !== mark) {
          return end + 1;
        }
        end += 1;
      }
    }
    return sql.length;
  }
}
