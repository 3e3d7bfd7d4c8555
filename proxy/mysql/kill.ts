import type { SqlTokens } from "./sql-tokens.ts";

/**
 * A statement or command that ends another thread's work. Roles are shared by people, so who may do that to whom is the session's to
 * decide, not the server's.
 */
export interface KillStatement {
  readonly scope: "query" | "connection";
  /** The thread; undefined when it cannot be told. */
  readonly thread: number | undefined;
}

/** As it stands in a text: there the thread may be the value that is bound to the one parameter. */
export interface WrittenKill {
  readonly scope: KillStatement["scope"];
  readonly thread: number | "parameter" | undefined;
}

const plainNumber = /^\d{1,20}$/;

/** Reads what follows the word KILL. Leaves `tokens` behind what was read. */
export function readKill(tokens: SqlTokens): WrittenKill {
  let scope: KillStatement["scope"] = "connection";
  tokens.next();
  // MariaDB: KILL [HARD | SOFT] [CONNECTION | QUERY [ID]].
  if (tokens.isWord("hard") || tokens.isWord("soft")) {
    tokens.next();
  }
  if (tokens.isWord("connection") || tokens.isWord("query")) {
    scope = tokens.isWord("query") ? "query" : "connection";
    tokens.next();
  }
  const isParameter = tokens.isMark("?");
  const number = tokens.kind === "word" ? tokens.text() : "";
  if (!isParameter && !plainNumber.test(number)) {
    return { scope, thread: undefined };
  }
  tokens.next();
  const isWhole = tokens.kind === "end" || tokens.isMark(";");
  return { scope, thread: isWhole ? (isParameter ? "parameter" : Number(number)) : undefined };
}
