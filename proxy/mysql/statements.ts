import { readEffects, type SessionEffect } from "./effects.ts";
import { readKill, type WrittenKill } from "./kill.ts";
import { SqlTokens, type QuoteMode } from "./sql-tokens.ts";

/**
 * What a text holds, as far as records and decisions depend on it. What is recorded and what is forwarded is always the whole text.
 */
export interface TextFacts {
  /** One entry a statement: whether it may answer with several result sets before its own OK. */
  readonly spans: readonly StatementKind[];
  readonly kills: readonly WrittenKill[];
  readonly effects: readonly SessionEffect[];
}

/** `call`: result sets of it are followed by an OK of its own (MySQL protocol, "Multi-Resultset"). */
export type StatementKind = "one" | "call";

const oneStatement: TextFacts = { spans: ["one"], kills: [], effects: [] };

/**
 * A text with none of these is one statement about which nothing else need be known: several statements, a KILL anywhere, and at the
 * beginning a statement that changes the session or answers in several parts, or a comment that may hide one.
 */
const telling = /;|\bkill\b|^\s*(?:(?:use|set|call|begin|prepare|execute)\b|\/|-|#)/i;

/** So many statements of a text are told apart; what is kept of each would fill the memory. */
export const statementsMax = 100_000;
/** Kills and changes of the session that are kept of one text. */
const factsMax = 1_000;

/**
 * Looks through a text once. `isMulti`: the server would run several statements (CLIENT_MULTI_STATEMENTS); otherwise it refuses a text
 * of several.
 */
export function readText(sql: Buffer, mode: QuoteMode, isMulti: boolean): TextFacts {
  const text = sql.toString("latin1");
  return telling.test(text) ? new TextReader(text, mode, isMulti).read() : oneStatement;
}

/** Words after which, in the body of a routine, a statement begins. */
const openers: ReadonlySet<string> = new Set(["begin", "then", "else", "do", "loop", "repeat"]);
const blocks: ReadonlySet<string> = new Set(["if", "loop", "while", "repeat"]);
const routines: ReadonlySet<string> = new Set(["procedure", "function", "trigger", "event", "package"]);

class TextReader {
  readonly #tokens: SqlTokens;
  readonly #isMulti: boolean;
  readonly #spans: StatementKind[] = [];
  readonly #kills: WrittenKill[] = [];
  readonly #effects: SessionEffect[] = [];
  #first = "";
  /** Nesting of BEGIN, CASE, IF and loops of a body that holds semicolons of its own. */
  #depth = 0;
  #isRoutine = false;
  #before = "";

  constructor(text: string, mode: QuoteMode, isMulti: boolean) {
    this.#tokens = new SqlTokens(text, mode);
    this.#isMulti = isMulti;
  }

  read(): TextFacts {
    const tokens = this.#tokens;
    for (tokens.next(); tokens.kind !== "end";) {
      if (tokens.isMark(";") && this.#depth === 0 && this.#isMulti) {
        this.#endStatement();
        tokens.next();
      } else {
        this.#take();
      }
    }
    this.#endStatement();
    return { spans: this.#spans, kills: this.#kills, effects: this.#effects };
  }

  #endStatement(): void {
    if (this.#first !== "" && this.#spans.length < statementsMax) {
      this.#spans.push(this.#first === "call" || this.#first === "begin" ? "call" : "one");
    }
    this.#first = "";
    this.#depth = 0;
    this.#isRoutine = false;
    this.#before = "";
  }

  #take(): void {
    const tokens = this.#tokens;
    const isFirst = this.#first === "";
    const word = tokens.kind === "word" ? this.#shortWord() : "";
    if (isFirst) {
      this.#first = word === "" ? "?" : word;
    }
    if (isFirst && (word === "use" || word === "set") && this.#effects.length < factsMax) {
      this.#effects.push(...readEffects(tokens.fork(), this.#spans.length));
    }
    if (word === "kill" && this.#before !== "." && this.#before !== "@") {
      this.#addKill(readKill(tokens));
      this.#before = "";
      return;
    }
    if (tokens.kind === "string" && (this.#first === "prepare" || this.#first === "execute")) {
      this.#lookInside(tokens.text());
    }
    this.#follow(word);
    this.#before = tokens.kind === "mark" ? tokens.text() : word;
    tokens.next();
  }

  /** A text that SQL prepares or executes at once. What thread it means is not read: it is escaped as it stands. */
  #lookInside(text: string): void {
    if (/\bkill\b/i.test(text)) {
      this.#addKill({ scope: "connection", thread: undefined });
    }
  }

  /** Of too many nobody can tell which threads they mean. */
  #addKill(kill: WrittenKill): void {
    if (this.#kills.length < factsMax) {
      this.#kills.push(this.#kills.length === factsMax - 1 ? { scope: "connection", thread: undefined } : kill);
    }
  }

  #shortWord(): string {
    const { start, end } = this.#tokens;
    return end - start > 12 ? "?" : this.#tokens.text().toLowerCase();
  }

  #follow(word: string): void {
    if (word === "") {
      return;
    }
    if (!this.#isRoutine) {
      this.#isRoutine = this.#first === "create" ? routines.has(word) : this.#first === "begin" && word === "not";
      if (this.#isRoutine && this.#first === "begin") {
        // MariaDB: BEGIN NOT ATOMIC.
        this.#depth = 1;
      }
      return;
    }
    if (word === "end") {
      this.#depth = Math.max(0, this.#depth - 1);
    } else if (this.#before === "end") {
      // END IF, END LOOP, END CASE and so on are one end.
    } else if (word === "begin" || word === "case" || (blocks.has(word) && this.#startsStatement())) {
      this.#depth += 1;
    }
  }

  #startsStatement(): boolean {
    return this.#before === ";" || this.#before === ":" || openers.has(this.#before);
  }
}
