import type { Parameter } from "#audit/record.ts";
import type { SessionEntry, StatementView, TailEntry } from "#audit/store/types.ts";
import { readableText, type Text } from "#audit/text.ts";
import { defined } from "#lib/defined.ts";
import { assertNever } from "#lib/errors.ts";
import type { SessionView, StatementEvent } from "#wire/control-api.ts";

/**
 * One entry of the store's tail as the API shows it. An entry whose bytes are no record shows as a gap. `isJudged`: the reader asked for
 * statements by how they ended, so the end is the first that they see of one and holds its SQL too. Pure.
 */
export function eventOf(entry: TailEntry, isJudged = false): StatementEvent {
  const { record, owner, statement } = entry;
  const base = {
    storeSeq: entry.storeSeq,
    time: record?.time ?? entry.receivedTime,
    grantID: owner?.grantID ?? "",
    session: owner?.session ?? "",
    userName: owner?.userName ?? "",
    database: nameOf(owner?.database),
    role: owner?.roleName ?? "",
  };
  if (record === undefined) {
    return { ...base, event: "gap", message: `a record could not be read (${entry.flag ?? "unreadable"})` };
  }
  switch (record.kind) {
    case "session.open":
      return { ...base, event: "session-open" };
    case "session.close":
      return { ...base, event: "session-close", message: record.message ?? record.reason };
    case "gap":
      return { ...base, event: "gap", message: `${record.count} records are missing: ${record.reason}` };
    case "statement.text":
      // The tail leaves pieces of large texts out unless it is asked for them; they belong to the statement that comes next.
      return { ...base, event: "statement-start" };
    case "event":
      // The tail leaves events out unless it is asked for them; the API gives them by themselves.
      return { ...base, event: "gap", message: record.event };
    case "statement.start":
      return { ...base, event: "statement-start", ...startOf(statement, record.statement) };
    case "statement.end":
      return {
        ...base,
        event: "statement-end",
        ...(isJudged ? startOf(statement, record.statement) : {}),
        ...endOf(statement, record.statement),
      };
    default:
      return assertNever(record);
  }
}

/** A statement as one event, as a search shows it. Pure. */
export function searchEventOf(view: StatementView): StatementEvent {
  return {
    storeSeq: view.storeSeq,
    event: view.endTime === undefined ? "statement-start" : "statement-end",
    time: view.startTime ?? view.endTime ?? "",
    grantID: view.grantID,
    session: view.session,
    userName: view.userName,
    database: nameOf(view.database),
    role: view.roleName,
    ...startOf(view, view.statement),
    ...endOf(view, view.statement),
  };
}

/** A session as the API shows it. Pure. */
export function sessionViewOf(entry: SessionEntry): SessionView {
  return {
    session: entry.session,
    grantID: entry.grantID,
    userName: entry.userName,
    database: nameOf(entry.database),
    role: entry.roleName,
    startTime: entry.openTime ?? "",
    ...defined({ endTime: entry.closeTime, closeReason: entry.closeReason, storeSeq: entry.firstSeq }),
    statements: entry.statements,
  };
}

function startOf(view: StatementView | undefined, statement: number): Partial<StatementEvent> {
  return {
    statement,
    ...defined({
      sql: shown(view?.sql),
      sqlText: view?.sqlText,
      parameters: view?.parameters?.map(parameterText),
      parametersOmitted: view?.parametersOmitted,
      redacted: view?.redacted,
      notices: view?.notices,
    }),
  };
}

function endOf(view: StatementView | undefined, statement: number): Partial<StatementEvent> {
  return {
    statement,
    ...defined({
      outcome: view?.outcome,
      tag: view?.tag,
      rows: view?.rows,
      durationMs: view?.durationMs,
      transaction: view?.transaction,
      sqlState: view?.sqlState,
      message: shown(view?.message),
    }),
  };
}

function parameterText(parameter: Parameter): string | null {
  return parameter.value === null ? null : (shown(parameter.value) ?? "");
}

function shown(text: Text | undefined): string | undefined {
  return text === undefined ? undefined : readableText(text);
}

/** People name a database by its name; the namespace tells databases of one name apart only inside the store. */
function nameOf(key: string | undefined): string {
  return key?.split("/").at(-1) ?? "";
}
