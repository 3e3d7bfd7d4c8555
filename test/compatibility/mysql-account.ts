import type { AuditRecord, StatementEnd, StatementStart } from "#audit/record.ts";
import { redact } from "#audit/redact/redact.ts";
import { readableText } from "#audit/text.ts";
import type { LogEntry } from "#proxy/testing/general-log.ts";
import { sessionsOf } from "./account.ts";

/** What is a statement in the general log; signs of life, choices of a database and closings are proven by the relay's own tests. */
const statements: ReadonlySet<string> = new Set(["Query", "Prepare", "Execute", "Bulk_execute"]);
/** What the proxy's own side connections run as the same role: they are no client's. */
const ownSQL = /^kill (query |connection )?\d+$/i;

/**
 * Why the general log and the trail do not tell of the same statements; empty when they do: in each session the statements are the same
 * ones in the same order. A text with values in it, as the server logs executions, is compared around them.
 */
export function mysqlDisagreements(records: readonly AuditRecord[], log: readonly LogEntry[]): string[] {
  const sessions = sessionsOf(records);
  const known = new Set(sessions.map(({ connection }) => connection));
  const asked = log.filter(({ command }) => statements.has(command));
  const strangers = asked.filter(({ thread, text }) => !known.has(thread) && !ownSQL.test(text));
  return [
    ...strangers
      .slice(0, 5)
      .map(({ thread, text }) => `thread ${thread}, which the trail does not know, ran: ${short(text)}`),
    ...sessions.flatMap((session) =>
      disagreement(
        session.statements,
        asked.filter(({ thread }) => thread === session.connection),
      ),
    ),
  ];
}

function disagreement(
  recorded: readonly { readonly start: StatementStart; readonly end: StatementEnd | undefined }[],
  log: readonly LogEntry[],
): string[] {
  let at = 0;
  for (const { start, end } of recorded) {
    if (start.notices?.includes("refused") === true || start.protocol === "command" || start.rowLimit !== undefined) {
      continue;
    }
    const taken = take(start, log, at);
    // Only what the server did not run may be absent: it failed to parse, or was never reached.
    if (taken === 0 && end?.outcome === "ok") {
      return [
        `statement ${start.statement} is ${short(textOf(start))} on record and ${short(log[at]?.text ?? "nothing")} in the log`,
      ];
    }
    at += taken;
  }
  return log.slice(at).map(({ text }) => `not on record: ${short(text)}`);
}

/** How many entries from `at` on a record accounts for. */
function take(start: StatementStart, log: readonly LogEntry[], at: number): number {
  const first = log[at];
  if (first === undefined) {
    return 0;
  }
  const told = textOf(start).trim();
  if (start.protocol !== "simple") {
    const command = start.notices?.includes("prepared") === true ? ["Prepare"] : ["Execute", "Bulk_execute"];
    // MySQL prepares anew when the types of parameters change, and logs that.
    const isAnew = command.includes("Execute") && first.command === "Prepare" && first.text.trim() === told;
    const entry = isAnew ? log[at + 1] : first;
    const isIt = entry !== undefined && command.includes(entry.command) && isFilledIn(told, entry.text.trim());
    return isIt ? (isAnew ? 2 : 1) : 0;
  }
  // MySQL logs each statement of a text by itself, MariaDB the whole; both log what SQL prepares and executes besides.
  let count = 0;
  for (let from = 0; ; count += 1) {
    const entry = log[at + count];
    const inside = entry !== undefined && entry.command !== "Query" && count > 0 && /\b(prepare|execute)\b/i.test(told);
    if (entry === undefined || (entry.command !== "Query" && !inside)) {
      return count;
    }
    const text = redact(entry.text.trim(), "mysql").text;
    // MySQL does not log what SQL prepares with the statement that does it.
    const hidden = /^PREPARE \S+ FROM \.\.\.$/.test(text) ? told.slice(from).search(/\bprepare\b/i) : -1;
    const found = hidden >= 0 ? from + hidden : told.indexOf(text, from);
    if (!inside && (found < 0 || (count > 0 && from >= told.length) || text === "")) {
      return count;
    }
    from = inside ? from : found + text.length;
  }
}

/** Whether `logged` is `sql` with something in the place of each `?`. */
function isFilledIn(sql: string, logged: string): boolean {
  let from = 0;
  const parts = sql.split("?");
  for (const part of parts) {
    const found = logged.indexOf(part, from);
    if (found < 0) {
      return false;
    }
    from = found + part.length;
  }
  return logged.startsWith(parts[0] ?? "") && logged.endsWith(parts.at(-1) ?? "");
}

const textOf = ({ sql }: StatementStart): string => (sql === undefined ? "" : readableText(sql));
const short = (text: string): string => (text.length > 160 ? `${text.slice(0, 160)}…` : text).replaceAll("\n", "⏎");
