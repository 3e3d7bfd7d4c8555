import type { AuditRecord, StatementEnd, StatementStart } from "#audit/record.ts";
import { redact } from "#audit/redact/redact.ts";
import { bytesOfText, readableText, type Text } from "#audit/text.ts";
import type { Logged } from "./server-log.ts";

/** One session of the trail: the backend that served it, and its statements in order. */
interface RecordedSession {
  readonly connection: number;
  readonly statements: readonly { readonly start: StatementStart; readonly end: StatementEnd | undefined }[];
}

/**
 * Why the server's log and the trail do not tell of the same statements; empty when they do. `records` are those of one grant, `log`
 * what the server logged for the same database and role. Each logged statement has its own record, in the same order; each record that
 * says `ok` was logged; what failed is on record with its text; the parameters are as many, NULL where NULL was.
 */
export function disagreements(records: readonly AuditRecord[], log: readonly Logged[]): string[] {
  const sessions = sessionsOf(records);
  const known = new Set(sessions.map(({ connection }) => connection));
  const strangers = log.filter(({ connection }) => !known.has(connection));
  return [
    ...strangers
      .slice(0, 5)
      .map(({ connection, text }) => `backend ${connection}, which the trail does not know, ran: ${short(text)}`),
    ...sessions.flatMap((session) =>
      disagreement(
        session,
        log.filter(({ connection }) => connection === session.connection),
      ),
    ),
  ];
}

/** The sessions of some records, with texts of any size put together again. */
export function sessionsOf(records: readonly AuditRecord[]): RecordedSession[] {
  const ends = new Map<string, StatementEnd>();
  for (const record of records) {
    if (record.kind === "statement.end") {
      ends.set(`${record.session} ${record.statement}`, record);
    }
  }
  const whole = wholeTexts(records);
  const opens = records.filter((record) => record.kind === "session.open");
  const starts = records.filter((record) => record.kind === "statement.start");
  return opens.map(({ session, server }) => ({
    connection: server?.processID ?? 0,
    statements: starts
      .filter((start) => start.session === session)
      .map((start) => ({ start: whole(start), end: ends.get(`${start.session} ${start.statement}`) })),
  }));
}

function disagreement(session: RecordedSession, log: readonly Logged[]): string[] {
  const executed = log.filter(({ kind }) => kind === "statement");
  const records = session.statements.filter(({ end }) => end?.outcome !== "not-executed");
  // How many logged statements the records so far can account for: an error may have come before or after the server logged it.
  let reached = new Set([0]);
  for (const { start, end } of records) {
    // An empty text has no tag, and is not logged where the extended protocol executes it.
    const isEmpty = start.protocol === "extended" && end?.tag === undefined && end?.suspended !== true;
    const next = new Set<number>(end?.outcome === "ok" && !isEmpty ? [] : reached);
    for (const count of reached) {
      const logged = executed[count];
      if (logged !== undefined && tells(start, logged)) {
        next.add(count + 1);
      }
    }
    if (next.size === 0) {
      const logged = executed[Math.max(...reached)];
      return [
        `statement ${start.statement} (${end?.outcome}) is ${short(String(start.sql))} on record and ${short(logged?.text ?? "nothing")} in the log`,
      ];
    }
    reached = next;
  }
  const missing = reached.has(executed.length) ? [] : executed.slice(Math.max(...reached));
  const texts = new Set(records.map(({ start }) => textOf(start)));
  const failed = log.filter(({ kind, text }) => kind === "error" && !texts.has(redacted(text)));
  return [
    ...missing.map(({ text }) => `not on record: ${short(text)}`),
    ...failed.map(({ text }) => `failed and not on record: ${short(text)}`),
  ];
}

function tells(start: StatementStart, logged: Logged): boolean {
  const told = textOf(start);
  const isText = told === redacted(logged.text);
  // The server logs the whole query in which SQL declared what a portal of that name goes on with.
  const isPart = start.protocol === "extended" && told.trim() !== "" && logged.text.includes(told.trim());
  return (isText || isPart) && sameParameters(start, logged);
}

function sameParameters(start: StatementStart, { parameters }: Logged): boolean {
  if (parameters === undefined || start.parameters === undefined) {
    return parameters === undefined || start.protocol === "simple";
  }
  return (
    parameters.length === start.parameters.length &&
    start.parameters.every(({ format, value }, at) => {
      const logged = parameters[at];
      if (value === null || logged === null) {
        return value === logged;
      }
      // The server prints what it read, so only text is the same text: a number may be written otherwise.
      return format === "binary" || logged === value || !/[^\d.eE+-]/.test(String(logged)) || isPrinted(String(logged));
    })
  );
}

/** Values that the server prints in its own form whatever was sent: bytes, moments, truth, arrays and JSON. */
function isPrinted(logged: string): boolean {
  return /^(\\x|\d{4}-\d\d-\d\d |[tf]$|\{|\[)/.test(logged);
}

/** Texts that were too large for one record, put together again: each start as if it held them itself. */
function wholeTexts(records: readonly AuditRecord[]): (start: StatementStart) => StatementStart {
  const pieces = new Map<string, Buffer[]>();
  for (const record of records) {
    if (record.kind === "statement.text") {
      const key = `${record.session} ${record.text}`;
      pieces.set(key, [...(pieces.get(key) ?? []), bytesOfText(record.data)]);
    }
  }
  const whole = (session: string, number: number): Text =>
    Buffer.concat(pieces.get(`${session} ${number}`) ?? []).toString("utf8");
  return (start) => ({
    ...start,
    ...(start.sqlText === undefined ? {} : { sql: whole(start.session, start.sqlText.text) }),
    ...(start.parameters === undefined
      ? {}
      : {
          parameters: start.parameters.map((parameter) =>
            parameter.text === undefined
              ? parameter
              : { ...parameter, value: whole(start.session, parameter.text.text) },
          ),
        }),
  });
}

const textOf = ({ sql }: StatementStart): string => (sql === undefined ? "" : readableText(sql));
const redacted = (text: string): string => redact(text, "postgres").text;
const short = (text: string): string => (text.length > 160 ? `${text.slice(0, 160)}…` : text).replaceAll("\n", "⏎");
