import { controllerPrefix } from "../event/event-record.ts";
import { hazardsIn } from "../hazard-notice.ts";
import type { AuditRecord } from "../record.ts";
import { readableText } from "../text.ts";
import { taskKey } from "../verify-heads.ts";
import { type Finding, FindingSink } from "../verify-report.ts";
import { ownerColumns, recordIn, type Row, text } from "./views.ts";

/** Rows that are looked at in one question: some megabytes. */
export const indexPageRows = 200;

/** What is added where a store keeps rows by week; empty elsewhere. */
interface WeekConditions {
  readonly statements: string;
  readonly events: string;
  readonly records: string;
}

/** Asks for records after a position, up to another, with all that the tables made from them say of each. */
export function indexRowsQuery({ statements, events, records }: WeekConditions): string {
  return `SELECT r.store_seq, r.kind, r.statement AS record_statement, r.session_id, r.flag, r.bytes, t.proxy, t.task, ${ownerColumns},
      s.open_time, s.close_time, s.close_reason, st.id AS statement_id, st.start_seq, st.end_seq, st.time, st.sql, st.outcome,
      st.duration_ms, st.rows, e.event, e.grant_id AS event_grant,
      (SELECT count(*) FROM hazards h WHERE h.session_id = r.session_id AND h.statement = r.statement) AS hazards
    FROM records r JOIN tasks t ON t.id = r.task_id LEFT JOIN sessions s ON s.id = r.session_id
      LEFT JOIN statements st ON st.session_id = r.session_id AND st.statement = r.statement ${statements}
      LEFT JOIN events e ON e.store_seq = r.store_seq ${events}
    WHERE r.store_seq > ? AND r.store_seq <= ? ${records} ORDER BY r.store_seq LIMIT ?`;
}

/** Asks for statements after an id, and whether a record of theirs is where each says. `weeks` as above. */
export function placesQuery(weeks: string): string {
  return `SELECT st.id, st.statement, s.session, EXISTS (
      SELECT 1 FROM records r WHERE r.store_seq IN (st.start_seq, st.end_seq) ${weeks}
        AND r.session_id = st.session_id AND r.statement = st.statement) AS is_there
    FROM statements st LEFT JOIN sessions s ON s.id = st.session_id WHERE st.id > ? ORDER BY st.id LIMIT ?`;
}

/** Where the rows come from. */
export interface IndexSource {
  /** See `indexRowsQuery`. */
  indexRows(after: number, upTo: number, limit: number): Promise<readonly Row[]> | readonly Row[];
  /** See `placesQuery`. */
  statementPlaces(after: number, limit: number): Promise<readonly Row[]> | readonly Row[];
}

/**
 * Compares what is searched with the records that it was made from: who can write the store can let a search show, or hide, what no record
 * says, and no chain covers that. Says of each row that lies which it is. What is searched of sessions whose opening was removed because
 * of its age, and of pieces of large texts (which are checked when they are read), is not looked at.
 */
export async function checkIndex(source: IndexSource, upTo: number): Promise<readonly Finding[]> {
  const sink = new FindingSink();
  const check = new IndexCheck(sink);
  for (let after = 0; ;) {
    const rows = await source.indexRows(after, upTo, indexPageRows);
    for (const row of rows) {
      check.take(row);
    }
    const last = rows.at(-1);
    if (last === undefined) {
      break;
    }
    after = Number(last["store_seq"]);
  }
  for (let after = 0; ;) {
    const rows = await source.statementPlaces(after, indexPageRows);
    for (const row of rows.filter(({ is_there: isThere }) => isThere !== true && isThere !== 1)) {
      const [session, statement] = [text(row["session"]), Number(row["statement"])];
      const detail = `The index has statement ${statement} of session ${session}, and no record of it is where it says.`;
      sink.add({ kind: "index-altered", session, detail });
    }
    const last = rows.at(-1);
    if (last === undefined) {
      return sink.findings;
    }
    after = Number(last["id"]);
  }
}

/** Compares the rows of records, in their order, with what the records say. */
class IndexCheck {
  readonly #sink: FindingSink;
  /** Newest number that was seen of each task. */
  readonly #last = new Map<string, number>();
  /** Statements whose start was seen, and not their end. */
  readonly #started = new Set<string>();
  /** Retention has removed records before the first. */
  #isCut: boolean | undefined;

  constructor(sink: FindingSink) {
    this.#sink = sink;
  }

  take(row: Row): void {
    this.#isCut ??= Number(row["store_seq"]) > 1;
    const [proxy, task] = [text(row["proxy"]), text(row["task"])];
    const read = recordIn(row["bytes"]);
    const record = read?.proxy === proxy && read.task === task ? read : undefined;
    if (record === undefined || this.#isConflict(row, record, taskKey(proxy, task))) {
      this.#compare(row, record, { kind: null, session_id: null });
      return;
    }
    const statement = "statement" in record ? record.statement : null;
    this.#compare(row, record, { kind: record.kind, record_statement: statement });
    if (record.session !== undefined) {
      this.#compare(row, record, { session: record.session });
      this.#takeSession(row, record);
    }
    if (record.kind === "event" && proxy.startsWith(controllerPrefix)) {
      this.#compare(row, record, { event: record.event, event_grant: record.about.grantID ?? null });
    }
  }

  /** The second record of one number is kept and not searched. One that is only called so is hidden. */
  #isConflict({ flag }: Row, record: AuditRecord, key: string): boolean {
    const last = this.#last.get(key);
    this.#last.set(key, Math.max(last ?? 0, record.seq));
    return flag === "conflict" && (last === undefined ? this.#isCut === true : record.seq <= last);
  }

  #takeSession(row: Row, record: AuditRecord): void {
    const at = Number(row["store_seq"]);
    if (record.kind === "session.open") {
      const { userName, userID } = record.person;
      const { grantID, database, engine, databaseName, roleName, username, time } = record;
      const who = { grant_id: grantID, user_name: userName, user_id: userID, role_name: roleName, username };
      this.#compare(row, record, { ...who, database, engine, database_name: databaseName, open_time: time });
    } else if (record.kind === "session.close") {
      this.#compare(row, record, { close_time: record.time, close_reason: record.reason });
    } else if (record.kind === "statement.start") {
      this.#started.add(`${String(row["session_id"])} ${record.statement}`);
      const sql = record.sql === undefined ? null : readableText(record.sql);
      const hazards = new Set(hazardsIn(record.notices)).size;
      this.#compare(row, record, { start_seq: at, time: record.time, sql, hazards });
    } else if (record.kind === "statement.end") {
      const wasSeen = this.#started.delete(`${String(row["session_id"])} ${record.statement}`);
      if (row["statement_id"] === null && !wasSeen && this.#isCut === true) {
        // It went with its start.
        return;
      }
      const { outcome, durationMs, rows } = record;
      this.#compare(row, record, { end_seq: at, outcome, duration_ms: durationMs, rows: rows ?? null });
    }
  }

  #compare(row: Row, record: AuditRecord | undefined, wanted: Readonly<Record<string, unknown>>): void {
    for (const [column, value] of Object.entries(wanted)) {
      const found = row[column] ?? null;
      if (comparable(found) !== comparable(value ?? null)) {
        const what = record !== undefined && "statement" in record ? `statement ${record.statement}` : "it";
        const detail = `The index does not say of ${what} what the record at position ${String(row["store_seq"])} says: ${column}.`;
        const { session, seq } = record ?? {};
        this.#sink.add({
          kind: "index-altered",
          proxy: text(row["proxy"]),
          task: text(row["task"]),
          ...(session === undefined ? {} : { session }),
          ...(seq === undefined ? {} : { seq }),
          detail,
        });
      }
    }
  }
}

/** Postgres holds no NUL and no half of a character; what it gets instead counts as the same. */
function comparable(value: unknown): unknown {
  return typeof value === "string" ? value.toWellFormed().replaceAll("\0", "\u{fffd}") : value;
}
