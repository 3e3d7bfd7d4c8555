import { contentSecrets } from "./content.ts";
import { lex, type Dialect, type LexerOptions, type Token } from "./lexer.ts";
import type { Span } from "./spans.ts";
import { plainMappingOptions, secretFunctions, secretNames, secretOption, trigger } from "./words.ts";

/** How deep bodies in dollar quotes are followed. Deeper ones that look suspicious are taken out whole. */
const depthMax = 4;
/** What may stand between a name and its value; `:=` and `=>` come as two. */
const connectors: ReadonlySet<string> = new Set(["=", ":", ">", "to", "as"]);
const connectorsMax = 3;
/** After IDENTIFIED: words whose literal is a password or its hash. */
const identifiedWords: ReadonlySet<string> = new Set(["by", "using", "as", "replace"]);

/** What stands before a statement: nothing, the end of another, or a word of a routine's body. */
const statementOpeners: ReadonlySet<string> = new Set(["", ";", "begin", "then", "else", "do"]);
/** A literal without quotes that is a string to MySQL: a hash as `SHOW CREATE USER` prints it. */
const hexLiteral = /^0x[0-9a-f]+$/;

/** Finds the secrets of one or more statements. One pass: time and memory stay in proportion to the text. */
export function statementSecrets(sql: string, dialect: Dialect, options: LexerOptions, depth = 0): Span[] {
  const scanner = new Scanner(sql, (body) => {
    const whole = [{ start: 0, end: body.length }];
    return depth < depthMax ? statementSecrets(body, dialect, options, depth + 1) : whole;
  });
  for (const token of lex(sql, dialect, options)) {
    const suspicious = token.terminated ? null : trigger.exec(sql);
    if (suspicious !== null) {
      // No server accepts it, or it reads the text differently from us. Either way nothing can be told apart any more.
      return [{ start: suspicious.index + suspicious[0].length, end: sql.length }];
    }
    scanner.take(token);
  }
  return scanner.spans;
}

/** No name that matters is as short as a single character. */
const takesSecrets = (name: string): boolean => name.length > 1 && (secretNames.has(name) || secretFunctions.has(name));

/** What an open bracket means for the literals in it. */
interface Bracket {
  readonly depth: number;
  readonly meaning: "secrets" | "options" | "mapping-options";
}

/** Goes over tokens once. */
class Scanner {
  readonly spans: Span[] = [];
  readonly #sql: string;
  readonly #bodySecrets: (body: string) => Span[];
  /** Name of the last token that is no comment, and whether it was written with Unicode escapes. */
  #previous = "";
  #previousEscaped = false;
  #beforePrevious = "";
  /** How many more connectors may come before the literal that is a secret; -1 when none is awaited. */
  #connectorsLeft = -1;
  /** End of a word that is a literal's prefix (`N`, `_utf8mb4`) if a literal follows at once. */
  #prefixEnd = -1;
  #identified = false;
  /** In MySQL's SET PASSWORD [FOR user] = …, whose REPLACE names the old one. */
  #setPassword = false;
  #mapping = false;
  /** A literal ended in the middle of a nested statement, just before its secret. */
  #open = false;
  #depth = 0;
  /** Open brackets that mean something; all others are only counted. */
  readonly #brackets: Bracket[] = [];

  constructor(sql: string, bodySecrets: (body: string) => Span[]) {
    this.#sql = sql;
    this.#bodySecrets = bodySecrets;
  }

  take(token: Token): void {
    if (token.kind === "comment" || token.kind === "string") {
      const content = this.#sql.slice(token.from, token.to);
      const open = trigger.test(content) && this.#lookInside(token, content);
      if (token.kind === "string") {
        this.#takeString(token);
        this.#open ||= open;
      }
      return;
    }
    const name =
      token.kind === "other" && token.to - token.from === 1
        ? (this.#sql[token.from] ?? "")
        : this.#sql.slice(token.from, token.to).toLowerCase();
    this.#awaitValue(token, name);
    this.#track(name);
    this.#beforePrevious = this.#previous;
    this.#previous = name;
    this.#previousEscaped = token.kind === "identifier" && token.from - token.start > 1;
  }

  #takeString(token: Token): void {
    const awaited = this.#connectorsLeft >= 0 && (this.#prefixEnd < 0 || this.#prefixEnd === token.start);
    if (awaited || this.#open || this.#bracketTakes()) {
      this.spans.push({ start: token.from, end: token.to });
    }
    this.#connectorsLeft = -1;
    this.#prefixEnd = -1;
    this.#previous = "";
  }

  #bracketTakes(): boolean {
    switch (this.#brackets.at(-1)?.meaning) {
      case undefined:
        return false;
      case "secrets":
        return true;
      case "options":
        return this.#previousEscaped || secretOption.test(this.#previous);
      case "mapping-options":
        return this.#previousEscaped || !plainMappingOptions.has(this.#previous);
    }
  }

  #awaitValue(token: Token, name: string): void {
    const isSecretName =
      secretNames.has(name) ||
      (this.#identified && identifiedWords.has(name)) ||
      (this.#setPassword && (name === "replace" || name === "="));
    if (isSecretName) {
      this.#connectorsLeft = connectorsMax;
      this.#prefixEnd = -1;
    } else if (this.#connectorsLeft > 0 && this.#prefixEnd < 0 && connectors.has(name)) {
      this.#connectorsLeft -= 1;
    } else if (this.#connectorsLeft >= 0 && token.kind === "word" && hexLiteral.test(name)) {
      this.spans.push({ start: token.start, end: token.end });
      this.#connectorsLeft = -1;
    } else if (this.#connectorsLeft >= 0 && this.#prefixEnd < 0 && token.kind === "word") {
      // A character set's introducer may stand apart from its literal.
      this.#prefixEnd = name.startsWith("_") ? -1 : token.end;
    } else {
      this.#connectorsLeft = -1;
      this.#prefixEnd = -1;
    }
  }

  #track(name: string): void {
    if (name === ";") {
      this.#identified = false;
      this.#setPassword = false;
      this.#mapping = false;
      this.#open = false;
    } else if (name === "identified") {
      this.#identified = true;
    } else if (name === "password" && this.#previous === "set" && statementOpeners.has(this.#beforePrevious)) {
      this.#setPassword = true;
    } else if (name === "mapping" && this.#previous === "user") {
      this.#mapping = true;
    } else if (name === "(") {
      this.#depth += 1;
      this.#openBracket();
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
    } else if (around === undefined && this.#previous === "options") {
      this.#brackets.push({ depth, meaning: this.#mapping ? "mapping-options" : "options" });
    }
  }

  /** Returns whether a secret follows the token. */
  #lookInside(token: Token, content: string): boolean {
    const found = contentSecrets(content);
    const spans = token.dollar ? [...found.spans, ...this.#bodySecrets(content)] : found.spans;
    for (const span of spans) {
      this.spans.push({ start: span.start + token.from, end: span.end + token.from });
    }
    return found.open && !token.dollar;
  }
}
