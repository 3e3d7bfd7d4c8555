/**
 * Counts the statements in a query text as the server's own scanner would, and reads the first words of each. Only the
 * record's wording depends on it: what is recorded and what is forwarded is always the whole text.
 * Source: PostgreSQL documentation, "Lexical Structure"; psql's rules for statement ends (parentheses, BEGIN ATOMIC bodies).
 */
export interface StatementSpan {
  /** Offset of the first and past the last byte of the statement, without its semicolon. */
  readonly start: number;
  readonly end: number;
}

const code = (character: string): number => character.charCodeAt(0);
const [quote, doubleQuote, dollar, semicolon, dash, slash, star, backslash, newline] = [
  code("'"),
  code('"'),
  code("$"),
  code(";"),
  code("-"),
  code("/"),
  code("*"),
  code("\\"),
  code("\n"),
];

const [space, opening, closing, firstLetter, letterC] = [0x20, code("("), code(")"), code("A"), code("c")];

/**
 * So many statements of a text are told apart; all that follows counts as one. A text of 15 MiB can hold millions, and what is kept of
 * each would fill the memory.
 */
export const statementsMax = 100_000;

/** Words are read from the first few only: enough to know CREATE [OR REPLACE] FUNCTION. */
const leadingWordsMax = 4;

/** `standardStrings` is the server's standard_conforming_strings: off makes a backslash special in every string. */
export function splitStatements(sql: string, standardStrings = true): readonly StatementSpan[] {
  const single = singleSpan(sql);
  return single === undefined ? splitByTokens(sql, standardStrings) : [single];
}

/**
 * The span of a text that holds one statement and nothing that could hide a semicolon: no quote, dollar, comment, open bracket or
 * routine body before the first one, and nothing but white space and semicolons after it. Undefined for every other text.
 */
function singleSpan(sql: string): StatementSpan | undefined {
  let start = 0;
  while (start < sql.length && sql.charCodeAt(start) <= space) {
    start += 1;
  }
  let parens = 0;
  for (let at = start; at < sql.length; at += 1) {
    const code = sql.charCodeAt(at);
    // All that matters here is below the letters.
    if (code >= firstLetter) {
      continue;
    }
    switch (code) {
      case quote:
      case doubleQuote:
      case dollar:
        return undefined;
      case dash:
      case slash:
        if (isCommentMark(code, sql.charCodeAt(at + 1))) {
          return undefined;
        }
        break;
      case opening:
        parens += 1;
        break;
      case closing:
        parens = Math.max(0, parens - 1);
        break;
      case semicolon:
        // CREATE may begin a routine, whose body holds semicolons of its own.
        return at > start && parens === 0 && (sql.charCodeAt(start) | 0x20) !== letterC && isRestEmpty(sql, at)
          ? { start, end: at }
          : undefined;
    }
  }
  return start === sql.length ? undefined : { start, end: sql.length };
}

const isCommentMark = (first: number, second: number): boolean => (first === dash ? second === dash : second === star);

function isRestEmpty(sql: string, from: number): boolean {
  for (let at = from; at < sql.length; at += 1) {
    const code = sql.charCodeAt(at);
    if (code > space && code !== semicolon) {
      return false;
    }
  }
  return true;
}

/** As `splitStatements`, for every text: that one must not differ from this. */
export function splitByTokens(sql: string, standardStrings: boolean): readonly StatementSpan[] {
  const spans: StatementSpan[] = [];
  const state = { parens: 0, blocks: 0, words: [] as string[], start: -1, begun: false };
  let offset = 0;
  while (offset < sql.length) {
    const at = sql.charCodeAt(offset);
    const past = skipQuiet(sql, offset);
    if (past > offset) {
      offset = past;
      continue;
    }
    const isEnd = at === semicolon && state.parens === 0 && state.blocks === 0 && spans.length < statementsMax - 1;
    if (isEnd) {
      if (state.start >= 0) {
        spans.push({ start: state.start, end: offset });
      }
      Object.assign(state, { parens: 0, blocks: 0, words: [], start: -1, begun: false });
      offset += 1;
      continue;
    }
    if (state.start < 0) {
      state.start = offset;
    }
    offset = skipToken(sql, offset, standardStrings, state);
  }
  if (state.start >= 0) {
    spans.push({ start: state.start, end: sql.length });
  }
  return spans;
}

/** Offset past one white space or comment at `offset`, which belong to no statement; `offset` when there is none. Comments nest. */
export function skipQuiet(sql: string, offset: number): number {
  const at = sql.charCodeAt(offset);
  if (at <= 32) {
    return offset + 1;
  }
  if (at === dash && sql.charCodeAt(offset + 1) === dash) {
    let end = offset + 2;
    while (end < sql.length && sql.charCodeAt(end) !== newline && sql.charCodeAt(end) !== 13) {
      end += 1;
    }
    return end;
  }
  if (at === slash && sql.charCodeAt(offset + 1) === star) {
    let depth = 1;
    let end = offset + 2;
    while (end < sql.length && depth > 0) {
      if (sql.charCodeAt(end) === slash && sql.charCodeAt(end + 1) === star) {
        depth += 1;
        end += 2;
      } else if (sql.charCodeAt(end) === star && sql.charCodeAt(end + 1) === slash) {
        depth -= 1;
        end += 2;
      } else {
        end += 1;
      }
    }
    return end;
  }
  return offset;
}

interface SplitState {
  parens: number;
  blocks: number;
  words: string[];
  /** The last word was BEGIN: a body follows when the next one is ATOMIC. A routine itself may be called begin. */
  begun: boolean;
}

function skipToken(sql: string, offset: number, standardStrings: boolean, state: SplitState): number {
  const at = sql.charCodeAt(offset);
  if (at === quote) {
    return skipQuoted(sql, offset, quote, !standardStrings);
  }
  if (at === doubleQuote) {
    return skipQuoted(sql, offset, doubleQuote, false);
  }
  if (at === dollar) {
    return skipDollar(sql, offset);
  }
  if (isWordStart(at)) {
    return skipWord(sql, offset, standardStrings, state);
  }
  state.begun = false;
  if (at === 40) {
    state.parens += 1;
  } else if (at === 41 && state.parens > 0) {
    state.parens -= 1;
  }
  return offset + 1;
}

function skipQuoted(sql: string, offset: number, mark: number, escapes: boolean): number {
  let end = offset + 1;
  while (end < sql.length) {
    const at = sql.charCodeAt(end);
    if (at === backslash && escapes) {
      end += 2;
    } else if (at === mark) {
      if (sql.charCodeAt(end + 1) !== mark) {
        return end + 1;
      }
      end += 2;
    } else {
      end += 1;
    }
  }
  return sql.length;
}

/** Bits have no escapes: what looks like a doubled quote ends them, and begins an ordinary literal (PostgreSQL scan.l). */
function skipBits(sql: string, offset: number, standardStrings: boolean): number {
  const end = sql.indexOf("'", offset + 1);
  if (end < 0) {
    return sql.length;
  }
  return sql.charCodeAt(end + 1) === quote ? skipQuoted(sql, end + 1, quote, !standardStrings) : end + 1;
}

const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;

function skipDollar(sql: string, offset: number): number {
  dollarTag.lastIndex = offset;
  const tag = dollarTag.exec(sql)?.[0];
  if (tag === undefined) {
    return offset + 1;
  }
  const end = sql.indexOf(tag, offset + tag.length);
  return end < 0 ? sql.length : end + tag.length;
}

function isWordStart(at: number): boolean {
  return (at >= 65 && at <= 90) || (at >= 97 && at <= 122) || at === 95 || at >= 128;
}

function skipWord(sql: string, offset: number, standardStrings: boolean, state: SplitState): number {
  let end = offset + 1;
  for (; end < sql.length; end += 1) {
    const at = sql.charCodeAt(end);
    if (!isWordStart(at) && !(at >= 48 && at <= 57) && at !== dollar) {
      break;
    }
  }
  const word = end - offset > 16 ? "" : sql.slice(offset, end).toLowerCase();
  if (word === "e" && sql.charCodeAt(end) === quote) {
    return skipQuoted(sql, end, quote, true);
  }
  if ((word === "b" || word === "x") && sql.charCodeAt(end) === quote) {
    return skipBits(sql, end, standardStrings);
  }
  if (state.words.length < leadingWordsMax) {
    state.words.push(word);
  }
  // The body of an SQL-standard function holds semicolons of its own.
  if (state.parens === 0 && makesRoutine(state.words)) {
    if ((word === "atomic" && state.begun) || (word === "case" && state.blocks > 0)) {
      state.blocks += 1;
    } else if (word === "end" && state.blocks > 0) {
      state.blocks -= 1;
    }
  }
  state.begun = word === "begin";
  return end;
}

function makesRoutine(words: readonly string[]): boolean {
  const [first, ...rest] = words;
  const kind = rest[0] === "or" && rest[1] === "replace" ? rest[2] : rest[0];
  return first === "create" && (kind === "function" || kind === "procedure");
}
