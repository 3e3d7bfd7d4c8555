import { printable } from "#audit/text.ts";
import type { StatementEvent } from "#wire/control-api.ts";

/** Characters of a statement that one line shows; the record keeps all of it. */
const sqlCharactersShown = 160;

/** One event of the audit trail as one line of text. SQL is untrusted: control characters are shown, never obeyed. */
export function eventLine(event: StatementEvent): string {
  const where = `${event.time.slice(11, 23)} ${event.userName} ${event.database}/${event.role}`;
  return printable(`${where} ${detail(event)}`);
}

function detail(event: StatementEvent): string {
  const number = event.statement === undefined ? "" : `#${event.statement} `;
  switch (event.event) {
    case "session-open":
      return `session ${event.session.slice(0, 8)} opened`;
    case "session-close":
      return `session ${event.session.slice(0, 8)} closed: ${event.message ?? ""}`;
    case "statement-start":
      return `${number}${statement(event)}`;
    case "statement-end":
      // A tail has shown the statement before; a search, and a tail of outcomes, give both at once.
      return `${number}${event.sql === undefined ? "" : `${statement(event)}  `}${outcome(event)}`;
    case "gap":
      return `GAP: ${event.message ?? "records are missing"}`;
    case "heartbeat":
      return "";
  }
}

function statement({ sql, parameters }: StatementEvent): string {
  return `▸ ${shorten(sql ?? "")}${parameters?.length ? `  ${JSON.stringify(parameters)}` : ""}`;
}

function outcome(event: StatementEvent): string {
  const mark = event.outcome === "ok" ? "✔" : "✘";
  const parts = [
    event.outcome ?? "unknown",
    event.tag,
    event.rows === undefined ? undefined : `${event.rows} rows`,
    event.durationMs === undefined ? undefined : `${event.durationMs.toFixed(1)} ms`,
    event.sqlState,
    event.outcome === "ok" ? undefined : event.message,
  ];
  return `${mark} ${parts.filter((part) => part !== undefined && part !== "").join("  ")}`;
}

function shorten(sql: string): string {
  const line = sql.replaceAll(/\s+/g, " ").trim();
  return line.length > sqlCharactersShown ? `${line.slice(0, sqlCharactersShown)}…` : line;
}
