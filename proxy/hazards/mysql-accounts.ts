import type { Hazard } from "./hazard.ts";
import { isMark, nameAt, type NameToken, wordAt } from "./tokens.ts";

/** Words for the own account, with or without a pair of brackets. */
const selfWords: ReadonlySet<string> = new Set(["current_user", "user", "session_user", "system_user"]);
const globalScopes: ReadonlySet<string> = new Set(["global", "persist", "persist_only"]);
const atGlobalScopes: ReadonlySet<string> = new Set(["@@global", "@@persist", "@@persist_only"]);

/** Statements about accounts and settings, seen by who is logged in as `username` (one character a byte). */
export class MySqlAccounts {
  readonly #username: string;

  constructor(username: string) {
    this.#username = username;
  }

  /** SET, whose assignments may be of any kind: MySQL manual, "SET Syntax for Variable Assignment", "SET PASSWORD", "SET DEFAULT ROLE". */
  readSet(tokens: readonly NameToken[]): readonly Hazard[] {
    const second = wordAt(tokens, 1);
    if (second === "default" && wordAt(tokens, 2) === "role") {
      // MariaDB: SET DEFAULT ROLE role [FOR user]; MySQL: SET DEFAULT ROLE roles TO users.
      const at = tokens.findIndex(
        ({ kind, text }, index) => index > 3 && kind === "word" && (text === "for" || text === "to"),
      );
      return at < 0 || this.#names(tokens, at + 1, tokens.length) ? ["role-settings"] : [];
    }
    if (
      (second === "role" && wordAt(tokens, 2) !== "none") ||
      (second === "session" && wordAt(tokens, 2) === "authorization")
    ) {
      // A variable may be called so.
      return isAssignment(tokens, 2) ? [] : ["role-switch"];
    }
    return assignmentStarts(tokens).flatMap((at) => this.#readAssignment(tokens, at));
  }

  /** ALTER, DROP, RENAME, CREATE USER and GRANT … IDENTIFIED. */
  readAccountStatement(tokens: readonly NameToken[]): Hazard | undefined {
    const first = wordAt(tokens, 0);
    if (first === "grant") {
      const to = tokens.findIndex(({ kind, text }) => kind === "word" && text === "to");
      const isLogin = tokens.some(({ kind, text }) => kind === "word" && isLoginWord(text));
      return isLogin && to >= 0 && this.#names(tokens, to + 1, tokens.length) ? "credential-change" : undefined;
    }
    const isReplacing = first === "create" && wordAt(tokens, 1) === "or";
    const at = isReplacing ? 3 : 1;
    if (wordAt(tokens, at) !== "user" || (first === "create" && !isReplacing)) {
      return undefined;
    }
    if (!this.#names(tokens, at + 1, tokens.length)) {
      return undefined;
    }
    const isDefaultRole = tokens.some(
      ({ kind, text }, index) => kind === "word" && text === "default" && wordAt(tokens, index + 1) === "role",
    );
    return first === "alter" && isDefaultRole ? "role-settings" : "credential-change";
  }

  #readAssignment(tokens: readonly NameToken[], at: number): readonly Hazard[] {
    const word = wordAt(tokens, at) ?? "";
    if (word === "password") {
      const isFor = wordAt(tokens, at + 1) === "for";
      return !isFor || this.#names(tokens, at + 2, tokens.length) ? ["credential-change"] : [];
    }
    const isGlobal = globalScopes.has(word) && nameAt(tokens, at + 1) !== undefined;
    return isGlobal || (atGlobalScopes.has(word) && isMark(tokens, at + 1, ".")) ? ["role-settings"] : [];
  }

  /** Whether an account in account position, in a list between two places, is the own one: `name`, `name@host`, CURRENT_USER, USER(). */
  #names(tokens: readonly NameToken[], from: number, to: number): boolean {
    for (let index = from; index < to; index += 1) {
      const before = tokens[index - 1];
      const begins =
        index === from ||
        isMark(tokens, index - 1, ",") ||
        (before?.kind === "word" && ["exists", "to"].includes(before.text));
      if (begins && this.#isSelf(tokens, index)) {
        return true;
      }
    }
    return false;
  }

  #isSelf(tokens: readonly NameToken[], at: number): boolean {
    const token = tokens[at];
    if (token === undefined || token.kind === "other") {
      return false;
    }
    const isCall = token.kind === "word" && selfWords.has(token.text);
    // MySQL: unquoted and quoted names alike are taken as they are; tokens hold words in lower case.
    const own = token.kind === "word" ? this.#username.toLowerCase() : this.#username;
    // `name@host` without quotes: the lexer takes `@host` for a word of its own.
    return token.text === own || (isCall && (token.text === "current_user" || isMark(tokens, at + 1, "(")));
  }
}

/** What a GRANT may say about how an account logs in: MariaDB has its limits there too. */
const isLoginWord = (word: string): boolean => word === "identified" || word === "require" || word.startsWith("max_");

/** Indexes of the first token of each assignment of a SET. */
function assignmentStarts(tokens: readonly NameToken[]): number[] {
  const starts = [1];
  let depth = 0;
  for (let index = 1; index < tokens.length; index += 1) {
    depth += isMark(tokens, index, "(") ? 1 : isMark(tokens, index, ")") ? -1 : 0;
    if (depth === 0 && isMark(tokens, index, ",")) {
      starts.push(index + 1);
    }
  }
  return starts;
}

function isAssignment(tokens: readonly NameToken[], at: number): boolean {
  return isMark(tokens, at, "=") || (isMark(tokens, at, ":") && isMark(tokens, at + 1, "="));
}
