import { mysqlWordEnd, numberEnd, postgresWordEnd, spaceEnd } from "./characters.ts";
import { type Runs, skippedEnd } from "./mysql-comments.ts";

/** The SQL dialects whose literals are understood. */
export type Dialect = "postgres" | "mysql";

/** Settings of the server that decide where a literal ends. */
export interface LexerOptions {
  /** Postgres `standard_conforming_strings`: on, a backslash in '…' is a backslash. */
  readonly standardConformingStrings: boolean;
  /** MySQL sql_mode ANSI_QUOTES: "…" is an identifier. */
  readonly ansiQuotes: boolean;
  /** MySQL sql_mode NO_BACKSLASH_ESCAPES. */
  readonly noBackslashEscapes: boolean;
  /** Which executable comments of MySQL and MariaDB are code; all of them when absent. */
  readonly runs?: Runs | undefined;
}

/**
 * A piece of SQL. `word`: keyword or plain identifier; `identifier`: quoted one; `string`: any literal in quotes or dollar
 * quotes; `comment`; `other`: one character of anything else. White space is no token. `from` and `to` bound what is between
 * the quotes or comment marks.
 */
export interface Token {
  readonly kind: "word" | "identifier" | "string" | "comment" | "other";
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
  /** False when the text ended inside it. */
  readonly terminated: boolean;
  /** A dollar-quoted string: its content has no escapes. */
  readonly dollar: boolean;
}

const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const parameter = /\$\d+/y;
/** Opening mark of an executable comment. */
const executableMark = /\/\*(M?)!(\d{0,6})/y;
/** Marks of a MySQL or MariaDB executable comment, whose content is code: opening with its version, and closing. */
const mysqlMarks = /\/\*M?!\d*|\*\//y;
/** MySQL joins literals with any white space between. */
const mysqlContinuation = /[ \t\n\r\f\v]*(?=['"])/y;
/** Where a line comment ends: Postgres at either, MySQL only at a line feed. */
const postgresLineEnd = /[\n\r]/g;
const mysqlLineEnd = /\n/g;
/** MySQL wants white space or a control character after `--`. */
// oxlint-disable-next-line no-control-regex -- control characters are what the rule is about
const mysqlCommentStart = /--(?=[\u0000-\u0020\u007f]|$)/y;

/** Splits SQL into tokens as the server does. Never throws: what cannot end runs to the end of the text. */
export function* lex(sql: string, dialect: Dialect, options: LexerOptions): Generator<Token> {
  let isOpen = false;
  for (let at = spaceEnd(sql, 0); at < sql.length;) {
    const skipped = options.runs === undefined ? undefined : skippedComment(sql, at, options.runs);
    if (skipped !== undefined) {
      yield skipped;
      at = spaceEnd(sql, skipped.end);
      continue;
    }
    const markEnd = dialect === "mysql" ? mysqlMarkEnd(sql, at, isOpen) : at;
    if (markEnd > at) {
      isOpen = sql[at] === "/";
      at = spaceEnd(sql, markEnd);
      continue;
    }
    const token = dialect === "postgres" ? postgresToken(sql, at, options) : mysqlToken(sql, at, options);
    yield token;
    at = spaceEnd(sql, token.end);
  }
}

function postgresToken(sql: string, at: number, options: LexerOptions): Token {
  const char = sql[at];
  const next = sql[at + 1];
  if (char === "-" && next === "-") {
    return lineComment(sql, at, 2, postgresLineEnd);
  }
  if (char === "/" && next === "*") {
    return nestedComment(sql, at);
  }
  if (char === "'") {
    return postgresString(sql, at, at + 1, !options.standardConformingStrings);
  }
  if ((char === "e" || char === "E") && next === "'") {
    return postgresString(sql, at, at + 2, true);
  }
  if ((char === "b" || char === "B" || char === "x" || char === "X") && next === "'") {
    return bitString(sql, at, !options.standardConformingStrings);
  }
  if ((char === "u" || char === "U") && next === "&" && (sql[at + 2] === "'" || sql[at + 2] === '"')) {
    return sql[at + 2] === "'"
      ? postgresString(sql, at, at + 3, false)
      : quoted(sql, at, at + 3, '"', "identifier", false);
  }
  if (char === '"') {
    return quoted(sql, at, at + 1, '"', "identifier", false);
  }
  if (char === "$") {
    return dollarQuoted(sql, at);
  }
  const wordEnd = postgresWordEnd(sql, at);
  return plain(wordEnd > at ? "word" : "other", at, wordEnd > at ? wordEnd : Math.max(numberEnd(sql, at), at + 1));
}

function postgresString(sql: string, start: number, from: number, backslash: boolean): Token {
  let token = quoted(sql, start, from, "'", "string", backslash);
  while (token.terminated) {
    const more = postgresContinuation(sql, token.end);
    if (more === undefined) {
      break;
    }
    token = quoted(sql, start, more, "'", "string", backslash);
  }
  return { ...token, from };
}

/**
 * Bits have no escapes and no doubled quotes: what looks like one ends them, and begins an ordinary literal (PostgreSQL scan.l, states
 * xb and xh). Both are told as one.
 */
function bitString(sql: string, start: number, backslash: boolean): Token {
  for (let from = start + 2; ;) {
    const to = sql.indexOf("'", from);
    if (to < 0) {
      return {
        kind: "string",
        start,
        end: sql.length,
        from: start + 2,
        to: sql.length,
        terminated: false,
        dollar: false,
      };
    }
    if (sql[to + 1] === "'") {
      return { ...postgresString(sql, start, to + 2, backslash), from: start + 2 };
    }
    const more = postgresContinuation(sql, to + 1);
    if (more === undefined) {
      return { kind: "string", start, end: to + 1, from: start + 2, to, terminated: true, dollar: false };
    }
    from = more;
  }
}

/**
 * Postgres joins 'a' and 'b' into one literal when at least one line end, and besides it only white space and line
 * comments, lie between them. Returns where the next part's content starts.
 */
function postgresContinuation(sql: string, end: number): number | undefined {
  let at = end;
  let lines = 0;
  for (;;) {
    const char = sql[at];
    if (char === "\n" || char === "\r") {
      lines += 1;
      at += 1;
    } else if (char === " " || char === "\t" || char === "\f" || char === "\v") {
      at += 1;
    } else if (char === "-" && sql[at + 1] === "-") {
      at = lineComment(sql, at, 2, postgresLineEnd).end;
    } else {
      return char === "'" && lines > 0 ? at + 1 : undefined;
    }
  }
}

function dollarQuoted(sql: string, at: number): Token {
  const from = skip(dollarTag, sql, at);
  if (from === at) {
    return plain("other", at, Math.max(skip(parameter, sql, at), at + 1));
  }
  const tag = sql.slice(at, from);
  const to = sql.indexOf(tag, from);
  return to < 0
    ? { kind: "string", start: at, end: sql.length, from, to: sql.length, terminated: false, dollar: true }
    : { kind: "string", start: at, end: to + tag.length, from, to, terminated: true, dollar: true };
}

function mysqlToken(sql: string, at: number, options: LexerOptions): Token {
  const char = sql[at];
  if (char === "#" || skip(mysqlCommentStart, sql, at) > at) {
    return lineComment(sql, at, char === "#" ? 1 : 2, mysqlLineEnd);
  }
  if (char === "/" && sql[at + 1] === "*") {
    return blockComment(sql, at);
  }
  if (char === "`" || (char === '"' && options.ansiQuotes)) {
    return quoted(sql, at, at + 1, char, "identifier", false);
  }
  if (char === "'" || char === '"') {
    return mysqlString(sql, at, !options.noBackslashEscapes, options.ansiQuotes);
  }
  const wordEnd = mysqlWordEnd(sql, at);
  return plain(wordEnd > at ? "word" : "other", at, wordEnd > at ? wordEnd : at + 1);
}

function mysqlString(sql: string, start: number, backslash: boolean, ansiQuotes: boolean): Token {
  let token = quoted(sql, start, start + 1, sql[start] ?? "'", "string", backslash);
  while (token.terminated) {
    const more = skip(mysqlContinuation, sql, token.end);
    const quote = sql[more];
    if (!(quote === "'" || (quote === '"' && !ansiQuotes))) {
      break;
    }
    token = quoted(sql, start, more + 1, quote, "string", backslash);
  }
  return { ...token, from: start + 1 };
}

/**
 * End of an executable comment's opening (with version) or closing mark at `at`; `at` when there is none. Where none is open, the
 * characters of a closing mark are operators: in `2 *` and a comment behind it, for instance.
 */
function mysqlMarkEnd(sql: string, at: number, isOpen: boolean): number {
  return sql[at] === "/" || isOpen ? skip(mysqlMarks, sql, at) : at;
}

function quoted(
  sql: string,
  start: number,
  from: number,
  quote: string,
  kind: "identifier" | "string",
  backslash: boolean,
): Token {
  let at = from;
  for (; at < sql.length; at += 1) {
    const char = sql[at];
    if (backslash && char === "\\") {
      at += 1;
    } else if (char === quote) {
      if (sql[at + 1] !== quote) {
        return { kind, start, end: at + 1, from, to: at, terminated: true, dollar: false };
      }
      at += 1;
    }
  }
  return { kind, start, end: sql.length, from, to: sql.length, terminated: false, dollar: false };
}

function lineComment(sql: string, at: number, marks: number, lineEnd: RegExp): Token {
  lineEnd.lastIndex = at;
  const end = lineEnd.exec(sql)?.index ?? sql.length;
  return { kind: "comment", start: at, end, from: at + marks, to: end, terminated: true, dollar: false };
}

/** Postgres comments nest. */
function nestedComment(sql: string, start: number): Token {
  let depth = 1;
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start + 2;
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    depth += mark[0] === "/*" ? 1 : -1;
    if (depth === 0) {
      const to = mark.index;
      return { kind: "comment", start, end: to + 2, from: start + 2, to, terminated: true, dollar: false };
    }
  }
  return { kind: "comment", start, end: sql.length, from: start + 2, to: sql.length, terminated: false, dollar: false };
}

function blockComment(sql: string, start: number): Token {
  const to = sql.indexOf("*/", start + 2);
  const terminated = to >= 0;
  return {
    kind: "comment",
    start,
    end: terminated ? to + 2 : sql.length,
    from: start + 2,
    to: terminated ? to : sql.length,
    terminated,
    dollar: false,
  };
}

/** An executable comment at `at` that the server does not run. */
function skippedComment(sql: string, at: number, runs: Runs): Token | undefined {
  executableMark.lastIndex = at;
  const mark = sql[at] === "/" ? executableMark.exec(sql) : null;
  if (mark === null || runs(mark[2] ?? "", mark[1] === "M")) {
    return undefined;
  }
  const from = at + mark[0].length;
  const closed = skippedEnd(sql, from);
  const [end, to] = closed < 0 ? [sql.length, sql.length] : [closed, closed - 2];
  return { kind: "comment", start: at, end, from, to, terminated: closed >= 0, dollar: false };
}

function plain(kind: "word" | "other", start: number, end: number): Token {
  return { kind, start, end, from: start, to: end, terminated: true, dollar: false };
}

/** End of what `pattern` matches at `at`; `at` when it does not. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
