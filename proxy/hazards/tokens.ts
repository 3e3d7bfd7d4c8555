import { lex, type Dialect, type LexerOptions } from "#audit/redact/lexer.ts";

/**
 * A token as a name counts: `word` is unquoted and in lower case, `quoted` is an identifier without its quotes and escapes, `string`
 * is a literal's content, `other` is one character or a number. Comments are left out.
 */
export interface NameToken {
  readonly kind: "word" | "quoted" | "string" | "other";
  readonly text: string;
}

/** A number, without its sign. Nothing comes behind it here, so that a long one is not tried in many ways. */
const number = /^\d+(?:\.\d*)?(?:e\d+)?/i;
/** A Unicode escape after its escape character: PostgreSQL documentation, section 4.1.2.3. */
const unicodeEscape = /^(?:([0-9a-f]{4})|\+([0-9a-f]{6}))/i;

/**
 * Most tokens that are read of one message's text. A token costs some 0.4 µs on the event loop that all sessions share, and some 100
 * bytes of memory, and a text of 15 MiB can hold 15 million.
 */
export const tokensMax = 500_000;

/** How many tokens may still be read; below 0 where there were more. */
export interface TokenBudget {
  left: number;
}

/** Reads SQL as the server's lexer does, as far as the budget goes. Text is one character a byte. Never throws. */
export function nameTokens(
  sql: string,
  dialect: Dialect,
  options: LexerOptions,
  budget: TokenBudget = { left: tokensMax },
): NameToken[] {
  const tokens: NameToken[] = [];
  /** What has Unicode escapes, whose escape character comes after it. */
  const escaped: number[] = [];
  for (const { kind, start, end, from, to, dollar } of lex(sql, dialect, options)) {
    budget.left -= 1;
    if (budget.left < 0) {
      break;
    }
    const text = sql.slice(from, to);
    if (kind === "word") {
      tokens.push({ kind, text: lower(text) });
    } else if (kind === "identifier") {
      if (from - start > 1) {
        escaped.push(tokens.length);
      }
      const mark = sql[from - 1] ?? '"';
      tokens.push({ kind: "quoted", text: text.replaceAll(mark + mark, mark) });
    } else if (kind === "string") {
      if (from - start > 2 && sql[start + 1] === "&") {
        escaped.push(tokens.length);
      }
      tokens.push({ kind, text: dollar ? text : literalContent(text, sql.slice(start, from), dialect) });
    } else if (kind === "other") {
      const whole = sql.slice(start, end);
      const word = wordAfterNumber(whole);
      tokens.push({ kind, text: whole });
      if (word !== "") {
        tokens.push({ kind: "word", text: lower(word) });
      }
    }
  }
  for (const index of escaped) {
    const uescape = tokens[index + 1];
    const mark = uescape?.kind === "word" && uescape.text === "uescape" ? tokens[index + 2]?.text : "\\";
    const { kind, text } = tokens[index] ?? { kind: "quoted", text: "" };
    tokens[index] = { kind, text: unescapeUnicode(text, mark ?? "\\") };
  }
  return tokens;
}

/** An unquoted word that begins where a number ends: PostgreSQL before 15 reads `1from t` as `1 from t`. */
function wordAfterNumber(text: string): string {
  const digits = number.exec(text)?.[0].length ?? text.length;
  return /^[a-z_]/i.test(text.slice(digits, digits + 1)) ? text.slice(digits) : "";
}

/** ASCII only: what the servers fold whatever the encoding. */
const lower = (text: string): string => text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());

function unescapeUnicode(text: string, mark: string): string {
  const parts = text.split(mark);
  let result = parts[0] ?? "";
  for (let index = 1; index < parts.length; index += 1) {
    const part = parts[index] ?? "";
    const match = unicodeEscape.exec(part);
    if (match !== null) {
      const code = Number.parseInt(match[1] ?? match[2] ?? "", 16);
      result += code <= 0x10_ffff ? bytesOf(String.fromCodePoint(code)) : "";
      result += part.slice(match[0].length);
    } else if (part === "" && index + 1 < parts.length) {
      result += mark + (parts[index + 1] ?? "");
      index += 1;
    } else {
      result += mark + part;
    }
  }
  return result;
}

const bytesOf = (text: string): string => Buffer.from(text).toString("latin1");

/** What a literal says, near enough to be read as SQL: joined parts, doubled quotes, backslash escapes where its prefix allows them. */
function literalContent(text: string, prefix: string, dialect: Dialect): string {
  const quote = prefix.at(-1) ?? "'";
  const hasEscapes = dialect === "mysql" || /^e/i.test(prefix);
  const joined = joinParts(text, quote, hasEscapes);
  return hasEscapes ? joined.replaceAll(backslash, unescapeBackslash) : joined;
}

/**
 * A quote inside a literal is doubled, escaped, or the end of a part: what lies up to the next part's quote is left out. Comments may lie
 * there too, so they are not looked for with an expression, which a text of quotes could make take for ever.
 */
function joinParts(text: string, quote: string, hasEscapes: boolean): string {
  let joined = "";
  let from = 0;
  for (let at = text.indexOf(quote); at >= 0; at = text.indexOf(quote, from)) {
    const isEscaped = hasEscapes && escapesNext(text, from, at);
    if (isEscaped || text[at + 1] === quote) {
      joined += text.slice(from, at + 1);
      from = at + (isEscaped ? 1 : 2);
      continue;
    }
    joined += text.slice(from, at);
    from = nextPart(text, at + 1);
  }
  return joined + text.slice(from);
}

/** Whether an odd number of backslashes, not before `from`, ends at `at`. */
function escapesNext(text: string, from: number, at: number): boolean {
  let start = at;
  while (start > from && text[start - 1] === "\\") {
    start -= 1;
  }
  return (at - start) % 2 === 1;
}

/** Past the quote that opens the next part, behind white space and line comments. */
function nextPart(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    if (text[at] === "-" && text[at + 1] === "-") {
      while (at < text.length && text[at] !== "\n" && text[at] !== "\r") {
        at += 1;
      }
    } else if (text[at] === "'" || text[at] === '"') {
      return at + 1;
    } else {
      at += 1;
    }
  }
  return at;
}

const backslash = /\\(?:x([0-9a-f]{1,2})|([0-7]{1,3})|u([0-9a-f]{4})|U([0-9a-f]{8})|([\s\S]))/gi;
const controls: Readonly<Record<string, string | undefined>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" };

function unescapeBackslash(...groups: readonly unknown[]): string {
  const [, hex, octal, short, long, char] = groups;
  for (const [digits, base] of [
    [hex, 16],
    [octal, 8],
    [short, 16],
    [long, 16],
  ] as const) {
    if (typeof digits === "string") {
      const code = Number.parseInt(digits, base);
      return code <= 0xff ? String.fromCharCode(code) : code <= 0x10_ffff ? bytesOf(String.fromCodePoint(code)) : "";
    }
  }
  return typeof char === "string" ? (controls[char] ?? char) : "";
}

/** The unquoted word at `index`; undefined for anything else. */
export function wordAt(tokens: readonly NameToken[], index: number): string | undefined {
  const token = tokens[index];
  return token?.kind === "word" ? token.text : undefined;
}

/** The name at `index`, quoted or not. */
export function nameAt(tokens: readonly NameToken[], index: number): string | undefined {
  const token = tokens[index];
  return token?.kind === "word" || token?.kind === "quoted" ? token.text : undefined;
}

/** Whether the character at `index` is `text`. */
export function isMark(tokens: readonly NameToken[], index: number, text: string): boolean {
  const token = tokens[index];
  return token?.kind === "other" && token.text === text;
}

/** Words after which a statement begins in the body of a routine. */
const bodyStarts: ReadonlySet<string> = new Set(["begin", "then", "else", "loop", "do", "atomic"]);

/**
 * Splits at every semicolon. Those in brackets, and in the body of a routine, are not ends to the server; but nothing that is looked
 * for begins in the middle of a statement, so reading one more start than there is does no harm.
 */
export function splitAtSemicolons(tokens: readonly NameToken[], isBody = false): NameToken[][] {
  const statements: NameToken[][] = [[]];
  for (const token of tokens) {
    if (token.kind === "other" && token.text === ";") {
      statements.push([]);
      continue;
    }
    statements.at(-1)?.push(token);
    if (isBody && token.kind === "word" && bodyStarts.has(token.text)) {
      statements.push([]);
    }
  }
  return statements.filter((statement) => statement.length > 0);
}
