import type { DatabaseSync, StatementSync } from "node:sqlite";
import { hazardsIn, refusedNotice } from "../hazard-notice.ts";
import type { AuditRecord, SessionOpen, StatementEnd, StatementStart } from "../record.ts";
import { readableText } from "../text.ts";
import type { SessionState } from "./judge.ts";

/** A session and its row. */
export interface SessionRow extends SessionState {
  readonly id: number;
  readonly taskID: number;
}

/** Keeps the tables that are searched in step with the records. All calls happen inside the ingest's transaction. */
export class SessionIndex {
  /** Sessions that are open, or were touched in this transaction. */
  readonly #rows = new Map<string, SessionRow>();
  readonly #insert: StatementSync;
  readonly #select: StatementSync;
  readonly #describe: StatementSync;
  readonly #update: StatementSync;
  readonly #start: StatementSync;
  readonly #text: StatementSync;
  readonly #end: StatementSync;
  readonly #hazard: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare(
      `INSERT INTO sessions (task_id, session, session_seq, head, statements) VALUES (?, ?, 0, '', 0)
       ON CONFLICT DO NOTHING`,
    );
    this.#select = database.prepare(
      `SELECT id, session_seq, head, statements, close_time, close_reason FROM sessions WHERE task_id = ? AND session = ?`,
    );
    this.#describe = database.prepare(
      `UPDATE sessions SET grant_id = ?, user_name = ?, user_id = ?, database = ?, engine = ?, database_name = ?,
         role_name = ?, username = ?, open_time = ? WHERE id = ?`,
    );
    this.#update = database.prepare(
      `UPDATE sessions SET session_seq = ?, head = ?, statements = ?, close_time = ?, close_reason = ? WHERE id = ?`,
    );
    this.#start = database.prepare(
      `INSERT INTO statements (session_id, statement, start_seq, time, sql) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET start_seq = excluded.start_seq, time = excluded.time, sql = excluded.sql`,
    );
    this.#text = database.prepare(
      "INSERT INTO texts (session_id, text, piece, store_seq) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#end = database.prepare(
      `INSERT INTO statements (session_id, statement, end_seq, time, outcome, duration_ms, rows) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET end_seq = excluded.end_seq, outcome = excluded.outcome,
         duration_ms = excluded.duration_ms, rows = excluded.rows`,
    );
    this.#hazard = database.prepare(
      `INSERT INTO hazards (session_id, statement, hazard, refused) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    );
  }

  /** The session of that name, made when it is new: its opening record may have been lost. */
  get(taskID: number, session: string): SessionRow {
    const key = `${taskID} ${session}`;
    const cached = this.#rows.get(key);
    if (cached !== undefined) {
      return cached;
    }
    this.#insert.run(taskID, session);
    const row = this.#select.get(taskID, session);
    const loaded: SessionRow = {
      id: Number(row?.["id"]),
      taskID,
      session,
      sessionSeq: Number(row?.["session_seq"]),
      head: String(row?.["head"]),
      statements: Number(row?.["statements"]),
      ...(typeof row?.["close_time"] === "string" ? { closeTime: row["close_time"] } : {}),
      ...(typeof row?.["close_reason"] === "string" ? { closeReason: row["close_reason"] } : {}),
    };
    this.#rows.set(key, loaded);
    return loaded;
  }

  /** Brings the tables to what `record`, stored at `storeSeq`, says; the session's own row is `save`'s. */
  write(row: SessionRow, record: AuditRecord, storeSeq: number): void {
    if (record.kind === "session.open") {
      this.#open(row, record, record.time);
    } else if (record.kind === "statement.text") {
      this.#text.run(row.id, record.text, record.index, storeSeq);
    } else if (record.kind === "statement.start") {
      this.#started(row, record, record.time, storeSeq);
    } else if (record.kind === "statement.end") {
      this.#ended(row, record, record.time, storeSeq);
    }
  }

  /** Writes what changed, once a batch, and forgets sessions that are closed. */
  save(rows: Iterable<SessionRow>): void {
    for (const row of rows) {
      const { sessionSeq, head, statements, closeTime, closeReason } = row;
      this.#update.run(sessionSeq, head, statements, closeTime ?? null, closeReason ?? null, row.id);
      if (closeTime !== undefined) {
        this.#rows.delete(`${row.taskID} ${row.session}`);
      }
    }
  }

  /** Drops everything held in memory, after a transaction that was rolled back. */
  forget(): void {
    this.#rows.clear();
  }

  #open(row: SessionRow, record: SessionOpen, time: string): void {
    const { userName, userID } = record.person;
    const { grantID, database, engine, databaseName, roleName, username } = record;
    this.#describe.run(grantID, userName, userID, database, engine, databaseName, roleName, username, time, row.id);
  }

  #started(row: SessionRow, record: StatementStart, time: string, storeSeq: number): void {
    const sql = record.sql === undefined ? null : readableText(record.sql);
    this.#start.run(row.id, record.statement, storeSeq, time, sql);
    for (const hazard of hazardsIn(record.notices)) {
      this.#hazard.run(row.id, record.statement, hazard, record.notices?.includes(refusedNotice) === true ? 1 : 0);
    }
  }

  #ended(row: SessionRow, record: StatementEnd, time: string, storeSeq: number): void {
    const { statement, outcome, durationMs, rows } = record;
    this.#end.run(row.id, statement, storeSeq, time, outcome, durationMs, rows ?? null);
  }
}
