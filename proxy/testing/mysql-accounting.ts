import type { Parameter, StatementEnd, StatementStart } from "#audit/record.ts";
import { redact } from "#audit/redact/redact.ts";
import { bytesOfText, readableText } from "#audit/text.ts";
import { type LogEntry, readGeneralLog } from "./general-log.ts";
import type { MemoryJournal } from "./journal.ts";

/** SQL that prepares and executes is one statement on record; the server logs what it prepared and executed besides. */
export const sqlPrepared = "prepare p from 'select ?'; execute p using @a; deallocate prepare p";
const insideOfSQLPrepared = [
  { command: "Prepare", text: "select ?" },
  { command: "Execute", text: "select NULL" },
];

/** How the servers write a bound value into its log. */
function asLogged({ type, value: recorded }: Parameter): string {
  if (recorded === null) {
    return "NULL";
  }
  const written = readableText(typeof recorded === "string" ? recorded : { base64: recorded.base64 });
  switch (type) {
    case 10:
      return `DATE'${written}'`;
    case 11:
      return `TIME'${written}'`;
    case 12:
      return `TIMESTAMP'${written}'`;
    case 252:
    case 253: {
      const bytes = bytesOfText(recorded).toString("utf8");
      return `'${bytes.replaceAll(/[\\'"]/g, String.raw`\$&`).replaceAll("\n", String.raw`\n`)}'`;
    }
    default:
      return written;
  }
}

/** What the server must have logged of a statement; undefined for what it does not log or must not have seen. */
function logged(start: StatementStart, end: StatementEnd | undefined): Omit<LogEntry, "thread"> | undefined {
  const sql = readableText(start.sql ?? "");
  if (start.notices?.includes("refused") === true || start.rowLimit !== undefined) {
    return undefined;
  }
  if (start.protocol === "simple") {
    return { command: "Query", text: sql };
  }
  if (start.protocol === "command") {
    const [name = "", ...rest] = sql.split(" ");
    const words: Record<string, string> = {
      COM_INIT_DB: "Init DB",
      COM_FIELD_LIST: "Field List",
      COM_STATISTICS: "Statistics",
      COM_PROCESS_INFO: "Processlist",
    };
    const said = words[name];
    // The name of a database that was refused is not logged, but the reason.
    const isRefused = name === "COM_INIT_DB" && end?.outcome === "error";
    return said === undefined ? undefined : { command: said, text: isRefused ? "*" : rest.join(" ") };
  }
  if (start.notices?.includes("prepared") === true) {
    return end?.outcome === "error" ? undefined : { command: "Prepare", text: sql };
  }
  if (end?.errno === 1835) {
    // The statement prepared last is executed with its types only.
    return undefined;
  }
  if (start.notices?.includes("bulk") === true) {
    return { command: "Execute", text: sql };
  }
  let next = 0;
  const parameters = start.parameters ?? [];
  const text = sql.replaceAll("?", () => asLogged(parameters[next++] ?? { type: 0, format: "text", value: null }));
  return { command: "Execute", text };
}

const notRecorded: ReadonlySet<string> = new Set(["Connect", "Quit", "Close stmt", "Long Data", "Reset stmt"]);

type Said = Omit<LogEntry, "thread">;

/**
 * What one thread's statements should have put into the server's log by the records of them, and what is there. Both are redacted,
 * since what is on record was redacted before it was written.
 */
export function accountOf(
  journal: MemoryJournal,
  server: { readonly generalLogFile: string },
  threadID: number,
): { readonly said: readonly Said[]; readonly logged: readonly Said[] } {
  const entries = readGeneralLog(server.generalLogFile, new Set([threadID])).filter(
    (entry) => !notRecorded.has(entry.command),
  );
  const said = journal.statements().flatMap(({ start, end }): Said[] => {
    const entry = logged(start, end);
    if (entry === undefined) {
      return [];
    }
    return entry.text === sqlPrepared ? [entry, ...insideOfSQLPrepared] : [entry];
  });
  return {
    said: said.map(({ command, text }) => ({ command, text: text.trim() })),
    logged: entries.map(({ command, text }, index) => ({
      command,
      text: said[index]?.text === "*" ? "*" : redact(text.trim(), "mysql").text,
    })),
  };
}
