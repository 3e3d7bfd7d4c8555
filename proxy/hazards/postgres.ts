import type { LexerOptions } from "#audit/redact/lexer.ts";
import { readCalls } from "./calls.ts";
import { maskHalves, maskings } from "./encodings.ts";
import { noFindings, type Findings, type Hazard } from "./hazard.ts";
import { catalogViews, extensionViews, functionHazards, postgresTrigger, textRunners } from "./postgres-words.ts";
import { readRelations } from "./relations.ts";
import {
  nameAt,
  type NameToken,
  nameTokens,
  splitAtSemicolons,
  type TokenBudget,
  tokensMax,
  wordAt,
} from "./tokens.ts";

/** What SQL means depends on these. */
export interface PostgresReading {
  /** standard_conforming_strings as the server reported it. */
  readonly standardStrings: boolean;
  /** Whether something ran that may have changed these since the server last told them: then the text is read in every way. */
  readonly isInFlux: boolean;
  /** client_encoding. */
  readonly encoding: string;
}

/** The server keeps so many bytes of a name (NAMEDATALEN − 1). */
const nameBytesMax = 63;
/** How deep text inside of text is followed. */
const depthMax = 4;

/**
 * What the statements of one query text can do to others who share `username`. Reads tokens as the server's lexer makes
 * them, so that neither comments, quotes, case nor Unicode escapes mislead it. What functions and text that is put together on the
 * server do is not seen. Pure; time in proportion to the text.
 */
export function postgresFindings(sql: Buffer, username: string, now: () => PostgresReading): Findings {
  if (!postgresTrigger.test(sql)) {
    return noFindings;
  }
  const reading = now();
  const look = new Look(nameKey(Buffer.from(username).toString("latin1")));
  const sent = sql.toString("latin1");
  for (const text of reading.isInFlux ? maskings(sent) : [maskHalves(sent, reading.encoding)]) {
    // Off, a backslash still means nothing in bit strings, b'\', so that both readings are partly right.
    const isOpen = (reading.isInFlux || !reading.standardStrings) && text.includes("\\");
    for (const standardConformingStrings of isOpen ? [true, false] : [reading.standardStrings]) {
      look.read(text, { standardConformingStrings, ansiQuotes: false, noBackslashEscapes: false }, 0);
    }
  }
  return look.findings;
}

/** A name as the server keeps it; one character a byte. */
export const nameKey = (name: string): string => name.slice(0, nameBytesMax);

class Look {
  readonly #username: string;
  readonly #hazards = new Set<Hazard>();
  readonly #prepares: string[] = [];
  readonly #executes: string[] = [];
  readonly #budget: TokenBudget = { left: tokensMax };

  constructor(username: string) {
    this.#username = username;
  }

  get findings(): Findings {
    return { hazards: this.#hazards, prepares: this.#prepares, executes: this.#executes };
  }

  /** `depth` over 0: the text is a body, or an argument that is run as a query or read as a table. */
  read(sql: string, options: LexerOptions, depth: number): void {
    if (depth > depthMax || (depth > 0 && sql.length === 0)) {
      return;
    }
    const isInner = depth > 0;
    for (const statement of splitAtSemicolons(this.#tokensOf(sql, options), isInner)) {
      const runsText = this.#readStatement(statement, isInner);
      for (const { kind, text } of runsText ? statement : []) {
        if (kind === "string") {
          this.read(text, options, depth + 1);
        }
      }
    }
  }

  /** A text that is too long to be read may hold anything behind what was read. */
  #tokensOf(sql: string, options: LexerOptions): NameToken[] {
    const tokens = nameTokens(sql, "postgres", options, this.#budget);
    this.#add(this.#budget.left < 0 ? "unseen-sql" : undefined);
    return tokens;
  }

  /** Returns whether literals of the statement are run as SQL. */
  #readStatement(tokens: readonly NameToken[], isInner: boolean): boolean {
    const calls = readCalls(tokens);
    for (const { name, argumentsAt } of calls) {
      this.#add(functionHazards.get(name));
      const argument = tokens[argumentsAt];
      if (name === "set_config" && argument?.kind === "string" && switches.has(argument.text.toLowerCase())) {
        this.#add("role-switch");
      }
    }
    for (const { schema, name } of readRelations(tokens, isInner)) {
      const isCatalog = catalogViews.has(name) && (schema === undefined || schema === "pg_catalog");
      this.#add(isCatalog || extensionViews.has(name) ? "session-read" : undefined);
    }
    if (!isInner) {
      // In a routine EXECUTE has text behind it, or the name of a variable that holds it.
      this.#readExecute(tokens);
    }
    const isRun = calls.some(({ name }) => textRunners.has(name));
    this.#add(isRun ? "dynamic-sql" : undefined);
    // Text that a routine's body executes lies in literals of its own.
    return this.#readCommand(tokens) || isRun || (isInner && tokens.some(({ text }) => text === "execute"));
  }

  #readCommand(tokens: readonly NameToken[]): boolean {
    switch (wordAt(tokens, 0)) {
      case "alter":
        this.#readAlter(tokens);
        return false;
      case "copy":
        this.#add(readsHost(tokens) ? "server-access" : undefined);
        return false;
      case "do":
        this.#add("dynamic-sql");
        return true;
      case "set":
        this.#add(switchesRole(tokens) ? "role-switch" : undefined);
        return false;
      case "prepare":
        if (wordAt(tokens, 1) !== "transaction") {
          pushName(this.#prepares, tokens, 1);
        }
        return false;
      case "create":
        return this.#readCreate(tokens);
      case "drop":
        this.#add(wordAt(tokens, 1) === "database" && tokens.some(isWord("force")) ? "session-end" : undefined);
        return false;
      default:
        return false;
    }
  }

  #readAlter(tokens: readonly NameToken[]): void {
    const what = wordAt(tokens, 1);
    if (what === "system" || (what === "database" && changesSettings(tokens, 3))) {
      this.#add("role-settings");
      return;
    }
    const isMapping = wordAt(tokens, 2) === "mapping" && wordAt(tokens, 3) === "for";
    if (!["role", "user", "group"].includes(what ?? "") || isMapping) {
      return;
    }
    const isSelf = this.#isSelf(tokens[2]);
    const at = wordAt(tokens, 3) === "in" && wordAt(tokens, 4) === "database" ? 6 : 3;
    if (changesSettings(tokens, at)) {
      this.#add(isSelf || wordAt(tokens, 2) === "all" ? "role-settings" : undefined);
    } else if (isSelf && tokens.slice(3).some(({ kind, text }) => kind === "word" && lockingWords.has(text))) {
      this.#add("credential-change");
    }
  }

  #isSelf(token: NameToken | undefined): boolean {
    if (token === undefined || (token.kind !== "word" && token.kind !== "quoted")) {
      return false;
    }
    return nameKey(token.text) === this.#username || (token.kind === "word" && selfWords.has(token.text));
  }

  /** Returns whether literals of the statement are a body. */
  #readCreate(tokens: readonly NameToken[]): boolean {
    const at = wordAt(tokens, 1) === "or" ? 3 : 1;
    const what = wordAt(tokens, at) ?? "";
    if (["operator", "aggregate", "cast"].includes(what)) {
      // What they are made of is called by their own name later.
      for (const { kind, text } of tokens) {
        this.#add(kind === "word" || kind === "quoted" ? functionHazards.get(text) : undefined);
      }
    }
    const isLink =
      ["server", "subscription"].includes(what) || (what === "user" && wordAt(tokens, at + 1) === "mapping");
    this.#add(isLink ? "remote-connection" : undefined);
    return ["function", "procedure"].includes(what);
  }

  /** EXECUTE as a command, under EXPLAIN, and in CREATE TABLE … AS EXECUTE. */
  #readExecute(tokens: readonly NameToken[]): void {
    const first = wordAt(tokens, 0);
    const at =
      first === "execute"
        ? 0
        : first === "explain" || first === "create"
          ? tokens.findIndex(({ kind, text }, index) => {
              const isAfter = first === "explain" || wordAt(tokens, index - 1) === "as";
              return kind === "word" && text === "execute" && isAfter;
            })
          : -1;
    if (at >= 0) {
      pushName(this.#executes, tokens, at + 1);
    }
  }

  #add(hazard: Hazard | undefined): void {
    if (hazard !== undefined) {
      this.#hazards.add(hazard);
    }
  }
}

const switches: ReadonlySet<string> = new Set(["role", "session_authorization"]);
const selfWords: ReadonlySet<string> = new Set(["current_user", "current_role", "session_user"]);
/** Options of ALTER ROLE that keep a role from logging in, or change how. */
const lockingWords: ReadonlySet<string> = new Set(
  "password encrypted unencrypted valid rename nologin connection".split(" "),
);

/** SET or RESET of a setting; SET TABLESPACE moves a database. */
function changesSettings(tokens: readonly NameToken[], at: number): boolean {
  const word = wordAt(tokens, at);
  return word === "reset" || (word === "set" && wordAt(tokens, at + 1) !== "tablespace");
}

/** COPY to or from a program or a file of the host. */
function readsHost(tokens: readonly NameToken[]): boolean {
  let depth = 0;
  return tokens.some((token, index) => {
    depth += token.kind === "other" ? (token.text === "(" ? 1 : token.text === ")" ? -1 : 0) : 0;
    const isDirection = depth === 0 && token.kind === "word" && (token.text === "from" || token.text === "to");
    return isDirection && (wordAt(tokens, index + 1) === "program" || tokens[index + 1]?.kind === "string");
  });
}

function switchesRole(tokens: readonly NameToken[]): boolean {
  const scope = wordAt(tokens, 1);
  const at = scope === "session" || scope === "local" ? 2 : 1;
  const what = nameAt(tokens, at)?.toLowerCase();
  const isNone = wordAt(tokens, at + 1) === "none" || wordAt(tokens, at + 1) === "default";
  return (
    (what === "role" && !isNone) ||
    what === "session_authorization" ||
    (what === "authorization" && scope === "session")
  );
}

function pushName(names: string[], tokens: readonly NameToken[], at: number): void {
  const name = nameAt(tokens, at);
  if (name !== undefined) {
    names.push(nameKey(name));
  }
}

const isWord = (word: string) => (token: NameToken) => token.kind === "word" && token.text === word;
