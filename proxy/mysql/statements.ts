import { readEffects, type SessionEffect } from "./effects.ts";
import { readKill, type WrittenKill } from "./kill.ts";
import { mainReading, readingsOf, type Reading, type TextMode } from "./readings.ts";
import { SqlTokens } from "./sql-tokens.ts";

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
const telling =
  /;|\bkill\b|^\s*(?:(?:use|set|call|begin|prepare|execute|if|case|loop|while|repeat|for)\b|\/|-|#|\w+\s*:)/i;
/** Without one of these no text ends another thread's work. */
const mayKill = /kill|prepare|immediate/i;

/** So many statements of a text are told apart; what is kept of each would fill the memory. */
export const statementsMax = 100_000;
/** Kills and changes of the session that are kept of one text. */
const factsMax = 1_000;

/**
 * Looks through a text once. `isMulti`: the server would run several statements (CLIENT_MULTI_STATEMENTS); otherwise it refuses a text
 * of several.
 */
export function readText(sql: Buffer, mode: TextMode, isMulti: boolean): TextFacts {
  const text = sql.toString("latin1");
  if (!telling.test(text)) {
    return oneStatement;
  }
  const facts = new TextReader(mainReading(text, mode), text, isMulti, false).read();
  if (!mayKill.test(text)) {
    return facts;
  }
  const kills = [...facts.kills];
  for (const { scope, thread } of otherKills(text, mode, isMulti)) {
    if (!kills.some((kill) => kill.scope === scope && kill.thread === thread)) {
      kills.push({ scope, thread });
    }
  }
  return { ...facts, kills: kills.slice(0, factsMax) };
}

/** What the server would end if it read the text in another way than it is known to. */
function otherKills(text: string, mode: TextMode, isMulti: boolean): readonly WrittenKill[] {
  const { readings, isWhole } = readingsOf(text, mode);
  if (readings.length === 1) {
    return [];
  }
  const kills = readings.flatMap((reading) => new TextReader(reading, text, isMulti, true).read().kills);
  // Of too many nobody can tell which threads they mean.
  return isWhole && kills.length < otherKillsMax ? kills : [unknownKill];
}

const otherKillsMax = 100;
const unknownKill: WrittenKill = { scope: "connection", thread: undefined };

/** Words after which, in the body of a routine, a statement begins. */
const openers: ReadonlySet<string> = new Set(["begin", "then", "else", "do", "loop", "repeat"]);
const blocks: ReadonlySet<string> = new Set(["if", "loop", "while", "repeat"]);
/** Before the statement of a MariaDB SET STATEMENT … FOR, and of a handler. */
const conditions: ReadonlySet<string> = new Set(["for", "sqlexception", "sqlwarning", "found"]);
const killLength = "kill".length;
/** The longest word that is looked for. */
const wordMax = "execute_prepared_stmt".length;
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
  readonly #startsOnly: boolean;
  /** The statement runs a text (PREPARE, EXECUTE IMMEDIATE): end of what its literals hold together, so far. */
  #literals: string | undefined;

  /** `startsOnly`: KILL counts where a statement may begin, since the text may well not be meant so. */
  constructor({ text, mode }: Reading, shown: string, isMulti: boolean, startsOnly: boolean) {
    this.#tokens = new SqlTokens(text, mode, { shown });
    this.#isMulti = isMulti;
    this.#startsOnly = startsOnly;
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
    this.#literals = undefined;
  }

  #take(): void {
    const tokens = this.#tokens;
    const isFirst = this.#first === "";
    const word = tokens.kind === "word" ? this.#shortWord() : "";
    if (isFirst) {
      this.#first = word === "" ? "?" : word;
    }
    if (isFirst && this.#effects.length < factsMax) {
      this.#readEffects(word);
    }
    if (word === "kill" && this.#mayStart(isFirst)) {
      this.#addKill(readKill(tokens));
      this.#before = "";
      return;
    }
    if (this.#runsText(word, isFirst)) {
      this.#literals ??= "";
    }
    if (tokens.kind === "string" && this.#literals !== undefined) {
      this.#lookInside(this.#literals, tokens.text());
    }
    this.#follow(word);
    this.#before = tokens.kind === "mark" ? tokens.text() : word;
    tokens.next();
  }

  #mayStart(isFirst: boolean): boolean {
    return this.#startsOnly ? this.#mayBegin(isFirst) : this.#before !== "." && this.#before !== "@";
  }

  #mayBegin(isFirst: boolean): boolean {
    return isFirst || this.#startsStatement() || conditions.has(this.#before);
  }

  /** The procedure is of MySQL's sys schema. */
  #runsText(word: string, isFirst: boolean): boolean {
    return (
      (word === "prepare" && this.#mayBegin(isFirst)) ||
      (word === "immediate" && this.#before === "execute") ||
      word === "execute_prepared_stmt"
    );
  }

  #readEffects(word: string): void {
    if (word === "use" || word === "set") {
      this.#effects.push(...readEffects(this.#tokens.fork(), this.#spans.length));
    } else if (word === "execute" || blocks.has(word)) {
      // What it runs may change how later texts are read: they wait for its answer, which says so.
      this.#effects.push({ statement: this.#spans.length });
    }
  }

  /**
   * A text that SQL prepares or executes at once, or a part of it: MariaDB joins literals. What thread it means is not read: it is
   * escaped as it stands.
   */
  #lookInside(before: string, text: string): void {
    const joined = before + text.replaceAll(/\\([\s\S])/g, "$1");
    if (/\bkill\b/i.test(joined)) {
      this.#addKill(unknownKill);
    }
    this.#literals = joined.slice(-killLength);
  }

  /** Of too many nobody can tell which threads they mean. */
  #addKill(kill: WrittenKill): void {
    if (this.#kills.length < factsMax) {
      this.#kills.push(this.#kills.length === factsMax - 1 ? unknownKill : kill);
    }
  }

  #shortWord(): string {
    const { start, end } = this.#tokens;
    return end - start > wordMax ? "?" : this.#tokens.text().toLowerCase();
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
        this.#effects.push({ statement: this.#spans.length });
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
