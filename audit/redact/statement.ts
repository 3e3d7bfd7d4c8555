import { contentSecrets } from "./content.ts";
import { lex, type LexerOptions, type Token } from "./lexer.ts";
import type { Span } from "./spans.ts";
import {
  plainMappingOptions,
  secretFirstFunctions,
  secretFunctions,
  secretNames,
  secretOption,
  trigger,
} from "./words.ts";

/** How deep bodies in dollar quotes are followed. Deeper ones are taken out from the first suspicious word on. */
export const bodyDepthMax = 4;
/** What may stand between a name and its value; `:=` and `=>` come as two. */
const connectors: ReadonlySet<string> = new Set(["=", ":", ">", "to", "as"]);
const connectorsMax = 3;
/** After IDENTIFIED: words whose literal is a password or its hash. */
const identifiedWords: ReadonlySet<string> = new Set(["by", "using", "as", "replace"]);

/** What stands before a statement: nothing, the end of another, or a word of a routine's body. */
const statementOpeners: ReadonlySet<string> = new Set(["", ";", "begin", "then", "else", "do"]);
/** A literal without quotes that is a string to MySQL: a hash as `SHOW CREATE USER` prints it. */
const hexLiteral = /^0x[0-9a-f]+$/;

/** Finds the secrets of one or more statements of Postgres. One pass: time and memory stay in proportion to the text. */
export function statementSecrets(sql: string, options: LexerOptions, depth = 0): Span[] {
  const spans: Span[] = [];
  const scanner = new TokenScan((span) => spans.push(span));
  const bodySecrets = (body: string): Span[] =>
    depth < bodyDepthMax ? statementSecrets(body, options, depth + 1) : fromTrigger(body);
  for (const token of lex(sql, "postgres", options)) {
    if (!token.terminated && trigger.test(sql)) {
      // No server accepts it, or it reads the text differently from us. Either way nothing can be told apart any more.
      return fromTrigger(sql);
    }
    takeToken(scanner, sql, token, spans, bodySecrets);
  }
  return spans;
}

/** From behind the first suspicious word to the end: what a secret stands behind comes before it. */
export function fromTrigger(text: string): Span[] {
  const found = trigger.exec(text);
  return found === null ? [] : [{ start: found.index + found[0].length, end: text.length }];
}

/** Tells one token to `scanner`, and adds the secrets that it and its content are. Bodies in dollar quotes are left to `bodySecrets`. */
export function takeToken(
  scanner: TokenScan,
  sql: string,
  { kind, start, end, from, to, dollar }: Token,
  spans: Span[],
  bodySecrets: (body: string) => Span[],
): void {
  if (kind !== "comment" && kind !== "string") {
    const isCharacter = kind === "other" && to - from === 1;
    const name = isCharacter ? (sql[from] ?? "") : sql.slice(from, to).toLowerCase();
    scanner.name(kind, name, { start, end, isEscaped: kind === "identifier" && from - start > 1 });
    return;
  }
  const content = sql.slice(from, to);
  let opens = false;
  if (trigger.test(content)) {
    const found = contentSecrets(content);
    for (const span of dollar ? [...found.spans, ...bodySecrets(content)] : found.spans) {
      spans.push({ start: span.start + from, end: span.end + from });
    }
    opens = found.open && !dollar;
  }
  if (kind === "string") {
    if (scanner.string(start)) {
      spans.push({ start: from, end: to });
    }
    scanner.stringEnded(opens);
  }
}

/** No name that matters is as short as a single character. */
const takesSecrets = (name: string): boolean => name.length > 1 && (secretNames.has(name) || secretFunctions.has(name));

/** What an open bracket means for the literals in it. */
interface Bracket {
  readonly depth: number;
  /** `first-secret` holds up to its first comma. */
  readonly meaning: "secrets" | "first-secret" | "options" | "mapping-options";
}

/** Where a name stands in the text. */
export interface NamePlace {
  readonly start: number;
  readonly end: number;
  /** It is written with Unicode escapes. */
  readonly isEscaped: boolean;
}

/** What stands before ROLE, USER or GROUP in a statement about an account. */
const accountVerbs: ReadonlySet<string> = new Set(["create", "alter", "replace"]);
const accountNouns: ReadonlySet<string> = new Set(["role", "user", "group"]);
/** Words that may follow PASSWORD or IDENTIFIED BY in a statement about an account, and are no secret. */
const passwordWords: ReadonlySet<string> = new Set([
  "null",
  "expire",
  "history",
  "reuse",
  "require",
  "random",
  "default",
  "never",
  "interval",
]);
/** The prefix of a literal: `E'…'`, `N'…'`, `_utf8mb4 '…'`. */
const literalPrefix = /^(?:[bnex]|u&|_.*)$/;
const bareValue = /^[\w$]/;

/** Goes over the tokens of a text once and says which literals are secrets, before it sees what they hold. */
export class TokenScan {
  readonly #found: (span: Span) => void;
  /** Name of the last token that is no comment, and whether it was written with Unicode escapes. */
  #previous = "";
  #previousEscaped = false;
  #beforePrevious = "";
  /** How many more connectors may come before the literal that is a secret; -1 when none is awaited. */
  #connectorsLeft = -1;
  /** End of a word that is a literal's prefix (`N`, `_utf8mb4`) if a literal follows at once. */
  #prefixEnd = -1;
  #identified = false;
  /** In CREATE or ALTER of a role or user: a password that somebody forgot to quote is one all the same. */
  #account = false;
  /** In MySQL's SET PASSWORD [FOR user] = …, whose REPLACE names the old one. */
  #setPassword = false;
  #mapping = false;
  /** A literal ended in the middle of a nested statement, just before its secret. */
  #open = false;
  #depth = 0;
  /** Open brackets that mean something; all others are only counted. */
  readonly #brackets: Bracket[] = [];

  /** `found` hears of secrets that are no literals: hashes in hexadecimal. */
  constructor(found: (span: Span) => void) {
    this.#found = found;
  }

  /** A token that is neither literal nor comment; its name in lower case. */
  name(kind: Token["kind"], name: string, place: NamePlace): void {
    this.#awaitValue(kind, name, place);
    this.#track(name);
    this.#beforePrevious = this.#previous;
    this.#previous = name;
    this.#previousEscaped = place.isEscaped;
  }

  /** A literal begins at `start`. Returns whether it is a secret. */
  string(start: number): boolean {
    const awaited = this.#connectorsLeft >= 0 && (this.#prefixEnd < 0 || this.#prefixEnd === start);
    const isSecret = awaited || this.#open || this.#bracketTakes();
    this.#connectorsLeft = -1;
    this.#prefixEnd = -1;
    this.#previous = "";
    return isSecret;
  }

  /** It ended; `opens`: a secret follows it. */
  stringEnded(opens: boolean): void {
    this.#open ||= opens;
  }

  #bracketTakes(): boolean {
    switch (this.#brackets.at(-1)?.meaning) {
      case undefined:
        return false;
      case "secrets":
      case "first-secret":
        return true;
      case "options":
        return this.#previousEscaped || secretOption.test(this.#previous);
      case "mapping-options":
        return this.#previousEscaped || !plainMappingOptions.has(this.#previous);
    }
  }

  #awaitValue(kind: Token["kind"], name: string, { start, end }: NamePlace): void {
    const isSecretName =
      secretNames.has(name) ||
      (this.#identified && identifiedWords.has(name)) ||
      (this.#setPassword && (name === "replace" || name === "="));
    if (isSecretName) {
      this.#connectorsLeft = connectorsMax;
      this.#prefixEnd = -1;
    } else if (this.#connectorsLeft > 0 && this.#prefixEnd < 0 && connectors.has(name)) {
      this.#connectorsLeft -= 1;
    } else if (this.#connectorsLeft >= 0 && kind === "word" && hexLiteral.test(name)) {
      this.#found({ start, end });
      this.#connectorsLeft = -1;
    } else if (this.#connectorsLeft >= 0 && this.#prefixEnd < 0 && this.#isBarePassword(name)) {
      this.#found({ start, end });
      this.#connectorsLeft = -1;
    } else if (this.#connectorsLeft >= 0 && this.#prefixEnd < 0 && kind === "word") {
      // A character set's introducer may stand apart from its literal.
      this.#prefixEnd = name.startsWith("_") ? -1 : end;
    } else {
      this.#connectorsLeft = -1;
      this.#prefixEnd = -1;
    }
  }

  #isBarePassword(name: string): boolean {
    const isAccount = this.#account || this.#identified;
    return isAccount && bareValue.test(name) && !passwordWords.has(name) && !literalPrefix.test(name);
  }

  #track(name: string): void {
    if (name === ";") {
      this.#identified = false;
      this.#account = false;
      this.#setPassword = false;
      this.#mapping = false;
      this.#open = false;
    } else if (name === "identified") {
      this.#identified = true;
    } else if (name === "password" && this.#previous === "set" && statementOpeners.has(this.#beforePrevious)) {
      this.#setPassword = true;
    } else if (accountNouns.has(name) && accountVerbs.has(this.#previous)) {
      this.#account = true;
    } else if (name === "mapping" && this.#previous === "user") {
      this.#mapping = true;
    } else if (name === "(") {
      this.#depth += 1;
      this.#openBracket();
    } else if (name === ",") {
      const bracket = this.#brackets.at(-1);
      if (bracket?.meaning === "first-secret" && bracket.depth === this.#depth) {
        this.#brackets.pop();
      }
    } else if (name === ")") {
      if (this.#brackets.at(-1)?.depth === this.#depth) {
        this.#brackets.pop();
      }
      this.#depth -= 1;
    }
  }

  #openBracket(): void {
    const around = this.#brackets.at(-1)?.meaning;
    // `password = ('x')`: the connector stands between the name and its bracket.
    const depth = this.#depth;
    const isNamed =
      takesSecrets(this.#previous) || (connectors.has(this.#previous) && takesSecrets(this.#beforePrevious));
    if (around !== "secrets" && isNamed) {
      this.#brackets.push({ depth, meaning: "secrets" });
    } else if (around !== "secrets" && around !== "first-secret" && secretFirstFunctions.has(this.#previous)) {
      this.#brackets.push({ depth, meaning: "first-secret" });
    } else if (around === undefined && this.#previous === "options") {
      this.#brackets.push({ depth, meaning: this.#mapping ? "mapping-options" : "options" });
    }
  }
}
