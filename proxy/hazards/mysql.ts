import type { LexerOptions } from "#audit/redact/lexer.ts";
import { readCalls } from "./calls.ts";
import { noFindings, type Findings, type Hazard } from "./hazard.ts";
import { readingsOf } from "../mysql/readings.ts";
import { MySqlAccounts } from "./mysql-accounts.ts";
import {
  endingProcedures,
  mysqlTrigger,
  readingPrefixes,
  readingRoutines,
  readingTables,
  systemSchemas,
  tellingTables,
} from "./mysql-words.ts";
import { readRelations, type RelationName } from "./relations.ts";
import {
  isMark,
  nameAt,
  type NameToken,
  nameTokens,
  splitAtSemicolons,
  type TokenBudget,
  tokensMax,
  wordAt,
} from "./tokens.ts";

/** What SQL means depends on these. */
export interface MySqlReading {
  /** NO_BACKSLASH_ESCAPES and ANSI_QUOTES of sql_mode. */
  readonly noBackslashEscapes: boolean;
  readonly ansiQuotes: boolean;
  /** Encoding of the text, as MySQL names it. */
  readonly encoding: string;
  /** Current schema, in lower case. */
  readonly schema: string;
}

/** How deep text inside of text is followed. */
const depthMax = 4;

/**
 * What the statements of one text can do to others who share `username`, as `postgresFindings` for MySQL and MariaDB. KILL is not
 * looked at: which connections a grant may end is known to the session, which decides about it.
 */
export function mysqlFindings(sql: Buffer, username: string, now: () => MySqlReading): Findings {
  // Words may stand behind the digits of an executable comment's version.
  const isTelling = mysqlTrigger.test(sql) || sql.includes("/*!") || sql.includes("/*M!");
  const { encoding, schema, ...options } = now();
  // There any table's plain name may be one of the server's own.
  if (!isTelling && !systemSchemas.has(schema)) {
    return noFindings;
  }
  const look = new Look(new MySqlAccounts(Buffer.from(username).toString("latin1")), schema);
  const mode = { ...options, charset: encoding.toLowerCase() };
  for (const reading of readingsOf(sql.toString("latin1"), mode).readings) {
    look.read(reading.text, { ...reading.mode, standardConformingStrings: true }, 0);
  }
  return look.findings;
}

class Look {
  readonly #accounts: MySqlAccounts;
  /** Schemas that may be the current one: the text may change it. */
  readonly #schemas: Set<string>;
  readonly #hazards = new Set<Hazard>();
  readonly #prepares: string[] = [];
  readonly #executes: string[] = [];

  readonly #budget: TokenBudget = { left: tokensMax };

  constructor(accounts: MySqlAccounts, schema: string) {
    this.#accounts = accounts;
    this.#schemas = new Set([schema]);
  }

  get findings(): Findings {
    return { hazards: this.#hazards, prepares: this.#prepares, executes: this.#executes };
  }

  read(sql: string, options: LexerOptions, depth: number): void {
    if (depth > depthMax) {
      return;
    }
    const tokens = nameTokens(sql, "mysql", options, this.#budget);
    // A text that is too long to be read may hold anything behind what was read.
    this.#add(this.#budget.left < 0 ? "unseen-sql" : undefined);
    for (const statement of splitAtSemicolons(tokens)) {
      this.#readNames(statement);
      for (const part of commandsOf(statement)) {
        for (const text of this.#readCommand(part)) {
          this.read(text, options, depth + 1);
        }
      }
    }
  }

  #readNames(tokens: readonly NameToken[]): void {
    for (const { name: spelled } of readCalls(tokens)) {
      const name = spelled.toLowerCase();
      this.#add(name === "load_file" ? "server-access" : undefined);
      this.#add(endingProcedures.has(name) ? "session-end" : undefined);
      this.#add(readingRoutines.has(name) ? "session-read" : undefined);
    }
    for (const relation of [...readRelations(tokens), ...readRelations(updated(tokens), true)]) {
      this.#add(this.#showsOthers(relation) ? "session-read" : undefined);
    }
    const isInto = tokens.some((token, index) => isOutput(token) && wordAt(tokens, index - 1) === "into");
    this.#add(isInto ? "server-access" : undefined);
  }

  #showsOthers({ schema, name: spelled }: RelationName): boolean {
    const name = spelled.toLowerCase();
    if (schema !== undefined) {
      return isReading(schema.toLowerCase(), name);
    }
    return tellingTables.test(name) || [...this.#schemas].some((current) => isReading(current, name));
  }

  #readCommand(tokens: readonly NameToken[]): readonly string[] {
    const [first, second] = [wordAt(tokens, 0), wordAt(tokens, 1)];
    switch (first) {
      case "use":
        this.#schemas.add(nameAt(tokens, 1)?.toLowerCase() ?? "");
        return [];
      case "set":
        this.#accounts.readSet(tokens).forEach((hazard) => this.#add(hazard));
        return [];
      case "alter":
      case "rename":
      case "drop":
      case "create":
      case "grant":
        this.#add(this.#accounts.readAccountStatement(tokens));
        return [];
      case "reset":
        this.#add(second === "persist" ? "role-settings" : undefined);
        return [];
      case "show":
        this.#add(showsSessions(tokens) ? "session-read" : undefined);
        return [];
      case "explain":
      case "describe":
      case "desc":
      case "analyze":
        this.#add(isForConnection(tokens) ? "session-read" : undefined);
        return [];
      case "load":
        this.#add(second === "data" || second === "xml" ? "server-access" : undefined);
        return [];
      case "prepare":
        return this.#readText(tokens, 3, nameAt(tokens, 1));
      case "execute":
        if (second === "immediate") {
          return this.#readText(tokens, 2, undefined);
        }
        this.#executes.push(...[nameAt(tokens, 1)?.toLowerCase()].filter((name) => name !== undefined));
        return [];
      default:
        return [];
    }
  }

  /** PREPARE … FROM and EXECUTE IMMEDIATE: text that is one literal is looked at, any other was never seen. */
  #readText(tokens: readonly NameToken[], at: number, name: string | undefined): readonly string[] {
    const token = tokens[at];
    const next = tokens[at + 1];
    const isLiteral =
      token?.kind === "string" && (next === undefined || (next.kind === "word" && next.text === "using"));
    if (name !== undefined) {
      this.#prepares.push(name.toLowerCase());
    }
    this.#add(isLiteral ? undefined : "unseen-sql");
    return isLiteral ? [token.text] : [];
  }

  #add(hazard: Hazard | undefined): void {
    if (hazard !== undefined) {
      this.#hazards.add(hazard);
    }
  }
}

function isReading(schema: string, name: string): boolean {
  return (
    readingTables[schema]?.has(name) === true ||
    (readingPrefixes[schema] ?? []).some((prefix) => name.startsWith(prefix))
  );
}

/** Words after which a statement begins: in the body of a routine, and in MariaDB's statements that are blocks. */
const openers: ReadonlySet<string> = new Set(["begin", "then", "else", "loop", "do", "atomic", "repeat"]);
/** First words of what is looked for. */
const commandWords: ReadonlySet<string> = new Set(
  "use set alter rename drop create grant reset show explain describe desc analyze load prepare execute".split(" "),
);

/**
 * The commands in one statement: itself, each in a body, and those that MariaDB's SET STATEMENT … FOR and a handler's DECLARE … FOR run.
 * More starts than there are do no harm.
 */
function commandsOf(tokens: readonly NameToken[]): readonly (readonly NameToken[])[] {
  const starts = [0];
  let isPrefix = runsBehindFor(tokens, 0);
  let isPast = false;
  for (const [index, { kind, text }] of tokens.entries()) {
    const isOpener = kind === "word" && openers.has(text);
    if (isOpener || (isPast && kind === "word" && commandWords.has(text))) {
      const start = isOpener ? index + 1 : index;
      starts.push(start);
      isPrefix = runsBehindFor(tokens, start);
      isPast = false;
    } else if (isPrefix && kind === "word" && text === "for") {
      isPast = true;
    }
  }
  return starts.map((start, index) => tokens.slice(start, starts[index + 1]));
}

const runsBehindFor = (tokens: readonly NameToken[], at: number): boolean =>
  wordAt(tokens, at) === "declare" || (wordAt(tokens, at) === "set" && wordAt(tokens, at + 1) === "statement");

/** FOR UPDATE, ON DUPLICATE KEY UPDATE, ON UPDATE. */
const notBeforeUpdate: ReadonlySet<string> = new Set(["for", "key", "on"]);

/** What follows UPDATE: where it changes several tables, they stand there as in a FROM list. */
function updated(tokens: readonly NameToken[]): readonly NameToken[] {
  const at = tokens.findIndex(
    ({ kind, text }, index) =>
      kind === "word" && text === "update" && !notBeforeUpdate.has(wordAt(tokens, index - 1) ?? ""),
  );
  let from = at + 1;
  while (wordAt(tokens, from) === "low_priority" || wordAt(tokens, from) === "ignore") {
    from += 1;
  }
  return at < 0 ? [] : tokens.slice(from);
}

const isOutput = ({ kind, text }: NameToken): boolean => kind === "word" && (text === "outfile" || text === "dumpfile");

/** SHOW PROCESSLIST, SHOW ENGINE INNODB STATUS; MariaDB's SHOW EXPLAIN and SHOW ANALYZE FOR a connection. */
function showsSessions(tokens: readonly NameToken[]): boolean {
  const at = wordAt(tokens, 1) === "full" ? 2 : 1;
  const what = wordAt(tokens, at);
  return (
    what === "processlist" ||
    what === "binlog" ||
    what === "relaylog" ||
    (what === "engine" && wordAt(tokens, 3) === "status") ||
    ((what === "explain" || what === "analyze") && tokens.some(({ kind, text }) => kind === "word" && text === "for"))
  );
}

/** MySQL: EXPLAIN … FOR CONNECTION number. */
function isForConnection(tokens: readonly NameToken[]): boolean {
  return tokens.some(
    ({ kind, text }, index) =>
      kind === "word" &&
      text === "for" &&
      wordAt(tokens, index + 1) === "connection" &&
      !isMark(tokens, index + 2, ","),
  );
}
