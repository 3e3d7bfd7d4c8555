import type { AuditRecord, Parameter, StatementEnd, StatementStart } from "#audit/record.ts";
import { redact, redactValue } from "#audit/redact/redact.ts";
import { bytesOfText, readableText } from "#audit/text.ts";
import { sessionsOf } from "#test/compatibility/account.ts";
import type { Logged } from "#test/compatibility/server-log.ts";

/** One execution, as the trail or the server's log tells of it, after redaction. */
export interface Execution {
  readonly text: string;
  /** Values in the server's own text form; absent where the server ran nothing yet, or was given none. */
  readonly parameters?: readonly (string | null)[];
  /** SQLSTATE of what failed; absent for what did not. */
  readonly sqlState?: string;
}

/** One backend's executions by the trail and by the log, which should be the same. */
export interface SessionAccount {
  readonly recorded: readonly Execution[];
  readonly logged: readonly Execution[];
}

/** Where the two first differ, for a person; undefined when each execution of the one is that of the other. */
export function differenceOf({ recorded, logged }: SessionAccount): string | undefined {
  const [left, right] = [recorded, logged].map((list) => list.map((one) => JSON.stringify(one)));
  const at = [...(left ?? []), undefined].findIndex((one, index) => one !== right?.[index]);
  if (at < 0 || (left?.length === right?.length && at === left?.length)) {
    return undefined;
  }
  const around = (list: readonly string[] = []): string =>
    list
      .slice(Math.max(0, at - 2), at + 3)
      .map((one) => `  ${one.slice(0, 300)}`)
      .join("\n");
  return `execution ${at} differs. By the trail:\n${around(left)}\nBy the log:\n${around(right)}`;
}

/**
 * Trail and log, backend by backend. The log is to be read from a server with `log_statement = all`, all of each parameter and
 * `log_duration`, which tells what ended without an error from what failed.
 */
export function accountsOf(records: readonly AuditRecord[], log: readonly Logged[]): SessionAccount[] {
  const sessions = sessionsOf(records);
  const known = new Set(sessions.map(({ connection }) => connection));
  const strangers = log.filter(({ connection }) => !known.has(connection));
  return [
    { recorded: [], logged: executionsLogged(strangers) },
    ...sessions.map(({ connection, statements }) => {
      const own = log.filter((entry) => entry.connection === connection);
      const logged = executionsLogged(isOfProxy(own[0]) ? own.slice(1) : own);
      const reached = statements.filter(isReached);
      const recorded = reached.map(({ start, end }, at) => executionOf(start, end, logged[at]));
      return { recorded, logged };
    }),
  ];
}

/** What the server ran, in order: each begins with a line of its own, unless it fails before that. */
export function executionsLogged(log: readonly Logged[]): Execution[] {
  const executions: Execution[] = [];
  let isOpen = false;
  for (const { kind, text, parameters, sqlState } of log) {
    if (kind === "statement" || kind === "function") {
      const values = parameters?.map((value) => (value === null ? null : redactValue(value).text));
      const said = kind === "function" ? functionText(Number(text)) : redact(text, "postgres").text;
      executions.push({ text: said, ...(values === undefined ? {} : { parameters: values }) });
      isOpen = true;
      continue;
    }
    if (sqlState !== undefined) {
      const begun = isOpen ? executions.pop() : undefined;
      executions.push({ ...(begun ?? { text: redact(text, "postgres").text }), sqlState });
    }
    isOpen = false;
  }
  return executions;
}

/** What the proxy asks on a backend before it is the person's: which settings the session inherited, by query_to_xml (`readRoleSettings`). */
const isOfProxy = (first: Logged | undefined): boolean => first?.kind === "function" && first.text === "2924";

/** Whether the server was asked to run it. An empty text that is executed by itself is not logged: it has no tag. */
function isReached({ start, end }: { start: StatementStart; end: StatementEnd | undefined }): boolean {
  const isEmpty = start.protocol === "extended" && end?.outcome === "ok" && end.tag === undefined && !end.suspended;
  return end?.outcome !== "not-executed" && !isEmpty;
}

/** As the log tells of it: of what failed before it began to run there are no values, and of a function that is not there no name. */
export function executionOf(
  start: StatementStart,
  end: StatementEnd | undefined,
  logged: Execution | undefined,
): Execution {
  const { functionOID: oid } = start;
  const called = oid === undefined || logged?.text === "" ? "" : functionText(oid);
  const values = logged?.parameters === undefined ? undefined : start.parameters?.map(textOfValue);
  return {
    text: oid === undefined ? readableText(start.sql ?? "") : called,
    ...(values === undefined ? {} : { parameters: values }),
    ...(end?.outcome === "ok" ? {} : { sqlState: end?.sqlState ?? `no answer: ${end?.outcome ?? "no end"}` }),
  };
}

const functionText = (oid: number): string => `function ${oid}`;

/** A bound value as the server prints it. Binary forms: PostgreSQL's `send` functions of the types that drivers use. */
function textOfValue({ type, format, value }: Parameter): string | null {
  if (value === null || format === "text") {
    return value === null ? null : readableText(value);
  }
  const bytes = bytesOfText(value);
  switch (type) {
    case 16:
      return bytes[0] === 1 ? "t" : "f";
    case 20:
      return String(bytes.readBigInt64BE());
    case 21:
      return String(bytes.readInt16BE());
    case 23:
      return String(bytes.readInt32BE());
    case 701:
      return String(bytes.readDoubleBE());
    case 25:
      return bytes.toString("utf8");
    default:
      return `\\x${bytes.toString("hex")}`;
  }
}
