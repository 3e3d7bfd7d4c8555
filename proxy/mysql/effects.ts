import type { SqlTokens } from "./sql-tokens.ts";

/**
 * What a statement does to its session once it has succeeded, as far as later records depend on it. The server's own word
 * (CLIENT_SESSION_TRACK, status flags) counts more where it gives it.
 */
export interface SessionEffect {
  /** Which statement of the text. */
  readonly statement: number;
  readonly database?: Buffer;
  /** character_set_client. */
  readonly charset?: string;
  readonly ansiQuotes?: boolean;
}

/** sql_mode names that hold ANSI_QUOTES (MySQL manual, "Combination SQL Modes"; MariaDB's list is longer). */
const ansiModes = /\b(?:ansi_quotes|ansi|db2|maxdb|mssql|oracle|postgresql)\b/i;

/** Reads a statement that begins with USE or SET; `tokens` stands at that word. */
export function readEffects(tokens: SqlTokens, statement: number): readonly SessionEffect[] {
  const isUse = tokens.isWord("use");
  tokens.next();
  if (isUse) {
    const isName = tokens.kind === "word" || tokens.kind === "identifier";
    const name = tokens.text();
    return isName ? [{ statement, database: Buffer.from(name.replaceAll("``", "`"), "latin1") }] : [];
  }
  const effects: SessionEffect[] = [];
  for (let name = ""; tokens.kind !== "end" && !tokens.isMark(";"); tokens.next()) {
    if (tokens.kind === "word" && name === "character" && tokens.isWord("set")) {
      name = "charset";
    } else if (tokens.kind === "word" && isSetting(tokens.text().toLowerCase())) {
      name = tokens.text().toLowerCase();
    } else if (name !== "" && (tokens.kind === "word" || tokens.kind === "string")) {
      effects.push(...effectOf(name, tokens.text(), statement));
      name = "";
    } else if (name !== "" && !tokens.isMark("=") && !tokens.isMark(":")) {
      name = "";
    }
  }
  return effects;
}

function isSetting(word: string): boolean {
  return (
    word === "names" ||
    word === "character" ||
    word === "charset" ||
    word === "character_set_client" ||
    word === "sql_mode"
  );
}

function effectOf(name: string, value: string, statement: number): readonly SessionEffect[] {
  if (name === "sql_mode") {
    return [{ statement, ansiQuotes: ansiModes.test(value) }];
  }
  return name === "character" ? [] : [{ statement, charset: value.toLowerCase() }];
}
