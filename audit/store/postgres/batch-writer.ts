import type pg from "pg";
import type { IngestFinding } from "../types.ts";
import { prepared } from "./prepared.ts";
import { type BatchRows, searchedText, type SessionRow, type StatementRow, storable } from "./rows.ts";

/** Where a batch goes. */
interface Place {
  readonly taskID: number;
  readonly week: number;
  /** Epoch milliseconds. */
  readonly received: number;
  /** Position of the record before its first. */
  readonly before: number;
}

/** Writes the rows of one batch: one statement for each table, whatever the number of rows. */
export class BatchWriter {
  readonly #client: pg.Client;
  readonly #place: Place;

  constructor(client: pg.Client, place: Place) {
    this.#client = client;
    this.#place = place;
  }

  async write(rows: BatchRows, findings: readonly IngestFinding[]): Promise<void> {
    const { taskID, week, received } = this.#place;
    await this.#writeRecords(rows);
    for (const { session, record } of rows.opens) {
      await this.#open(session, record);
    }
    await this.#writeStatements(rows.statements);
    await this.#insert(
      rows.texts,
      `INSERT INTO texts (session_id, text, piece, store_seq, week)
       SELECT a, b, c, d, ${week} FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS u (a, b, c, d)
       ON CONFLICT DO NOTHING`,
      ({ session, text, piece, storeSeq }) => [session.id, text, piece, storeSeq],
    );
    await this.#insert(
      rows.hazards,
      `INSERT INTO hazards (session_id, statement, hazard, refused)
       SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::boolean[]) ON CONFLICT DO NOTHING`,
      ({ session, statement, hazard, refused }) => [session.id, statement, hazard, refused],
    );
    await this.#insert(
      rows.events,
      `INSERT INTO events (store_seq, week, event, grant_id)
       SELECT a, ${week}, b, c FROM unnest($1::bigint[], $2::text[], $3::text[]) AS u (a, b, c)`,
      ({ storeSeq, event, grantID }) => [storeSeq, event, grantID === null ? null : storable(grantID)],
    );
    await this.#insert(
      findings,
      `INSERT INTO findings (task_id, seq, received, kind, detail)
       SELECT d, a, e, b, c
       FROM unnest($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::bigint[]) AS u (a, b, c, d, e)`,
      ({ seq, kind, detail }) => [seq ?? null, kind, detail, taskID, received],
    );
  }

  /** Writes what changed of sessions. */
  saveSessions(sessions: readonly SessionRow[]): Promise<void> {
    return this.#insert(
      sessions,
      `UPDATE sessions SET session_seq = u.seq, head = u.head, statements = u.statements, close_time = u.close_time,
         close_reason = u.close_reason, last_week = ${this.#place.week}
       FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[])
         AS u (id, seq, head, statements, close_time, close_reason) WHERE sessions.id = u.id`,
      ({ id, sessionSeq, head, statements, closeTime, closeReason }) => [
        id,
        sessionSeq,
        head,
        statements,
        closeTime ?? null,
        closeReason === undefined ? null : storable(closeReason),
      ],
    );
  }

  /** Grants of those sessions that have hazards. */
  async flaggedGrants(sessions: readonly SessionRow[]): Promise<string[]> {
    if (sessions.length === 0) {
      return [];
    }
    const rows = await prepared(
      this.#client,
      `SELECT DISTINCT s.grant_id FROM sessions s WHERE s.id = ANY($1) AND s.grant_id IS NOT NULL
         AND EXISTS (SELECT 1 FROM hazards h WHERE h.session_id = s.id)`,
      [sessions.map(({ id }) => id)],
    );
    return rows.map((row) => String(row["grant_id"]));
  }

  async #writeRecords({ bytes, records }: BatchRows): Promise<void> {
    if (records.length === 0) {
      return;
    }
    const { taskID, week, received, before } = this.#place;
    let start = 1;
    const columns = transposed(records, 7, ({ position, session, record, flag, bytes: own }) => {
      const statement = record !== undefined && "statement" in record ? record.statement : null;
      const at = start;
      start += own.length;
      return [position, session?.id ?? null, record?.kind ?? null, statement, flag, at, own.length];
    });
    await prepared(
      this.#client,
      `INSERT INTO records
         (store_seq, week, task_id, position, session_id, kind, statement, received, flag, bytes)
       SELECT $1::bigint + u.n, $2::integer, $3::integer, u.position, u.session_id, u.kind, u.statement, $4::bigint, u.flag,
         substring($5::bytea FROM u.start FOR u.length)
       FROM unnest($6::bigint[], $7::bigint[], $8::text[], $9::bigint[], $10::text[], $11::integer[], $12::integer[])
         WITH ORDINALITY AS u (position, session_id, kind, statement, flag, start, length, n)`,
      [before, week, taskID, received, bytes, ...columns],
    );
  }

  async #open(session: SessionRow, record: BatchRows["opens"][number]["record"]): Promise<void> {
    const { userName, userID } = record.person;
    const { grantID, database, engine, databaseName, roleName, username, time } = record;
    const texts = [grantID, userName, userID, database, engine, databaseName, roleName, username, time];
    await prepared(
      this.#client,
      `UPDATE sessions SET grant_id = $1, user_name = $2, user_id = $3, database = $4, engine = $5, database_name = $6,
         role_name = $7, username = $8, open_time = $9 WHERE id = $10`,
      [...texts.map((text) => (typeof text === "string" ? storable(text) : null)), session.id],
    );
  }

  async #writeStatements(statements: readonly StatementRow[]): Promise<void> {
    const isNew = ({ start }: StatementRow): boolean => start?.isLate === false;
    await this.#insertStatements(statements.filter(isNew));
    // An end whose start is stored already, or never came; a start that comes after its end.
    const others = statements.filter((row) => !isNew(row));
    if (others.length === 0) {
      return;
    }
    const firstWeek = Math.min(...others.map(({ session }) => session.week));
    const rows = await prepared(
      this.#client,
      `UPDATE statements st SET start_seq = coalesce(u.start_seq, st.start_seq),
         start_week = CASE WHEN u.start_seq IS NULL THEN st.start_week ELSE $1::integer END,
         end_seq = coalesce(u.end_seq, st.end_seq),
         end_week = CASE WHEN u.end_seq IS NULL THEN st.end_week ELSE $1::integer END,
         time = CASE WHEN u.start_seq IS NULL THEN st.time ELSE u.time END,
         outcome = coalesce(u.outcome, st.outcome), duration_ms = coalesce(u.duration_ms, st.duration_ms),
         rows = coalesce(u.rows, st.rows), sql = coalesce(u.sql, st.sql)
       FROM unnest(${statementTypes(3)})
         AS u (session_id, statement, start_seq, end_seq, time, outcome, duration_ms, rows, sql)
       WHERE st.session_id = u.session_id AND st.statement = u.statement AND st.week >= $2::integer
       RETURNING st.session_id, st.statement`,
      [this.#place.week, firstWeek, ...statementColumns(others)],
    );
    const updated = new Set(rows.map((row) => `${Number(row["session_id"])} ${Number(row["statement"])}`));
    await this.#insertStatements(others.filter(({ session, statement }) => !updated.has(`${session.id} ${statement}`)));
  }

  async #insertStatements(statements: readonly StatementRow[]): Promise<void> {
    if (statements.length === 0) {
      return;
    }
    await prepared(
      this.#client,
      `INSERT INTO statements (week, session_id, statement, start_seq, start_week, end_seq, end_week, time, outcome,
         duration_ms, rows, sql)
       SELECT $1::integer, session_id, statement, start_seq, CASE WHEN start_seq IS NOT NULL THEN $1::integer END, end_seq,
         CASE WHEN end_seq IS NOT NULL THEN $1::integer END, time, outcome, duration_ms, rows, sql
       FROM unnest(${statementTypes(2)})
         AS u (session_id, statement, start_seq, end_seq, time, outcome, duration_ms, rows, sql)
       ON CONFLICT (session_id, statement, week) DO UPDATE SET start_seq = excluded.start_seq, start_week = excluded.start_week,
         end_seq = coalesce(excluded.end_seq, statements.end_seq), end_week = coalesce(excluded.end_week, statements.end_week),
         time = excluded.time, sql = excluded.sql`,
      [this.#place.week, ...statementColumns(statements)],
    );
  }

  async #insert<T>(items: readonly T[], text: string, row: (item: T) => readonly unknown[]): Promise<void> {
    const [first] = items;
    if (first !== undefined) {
      await prepared(this.#client, text, transposed(items, row(first).length, row));
    }
  }
}

function statementTypes(from: number): string {
  const columns = ["bigint", "bigint", "bigint", "bigint", "text", "text", "float8", "bigint", "text"];
  return columns.map((type, index) => `$${from + index}::${type}[]`).join(", ");
}

function statementColumns(statements: readonly StatementRow[]): unknown[][] {
  return transposed(statements, 9, ({ session, statement, start, end }) => [
    session.id,
    statement,
    start?.storeSeq ?? null,
    end?.storeSeq ?? null,
    start?.record.time ?? end?.record.time ?? "",
    end?.record.outcome ?? null,
    end?.record.durationMs ?? null,
    end?.record.rows ?? null,
    start === undefined ? null : searchedText(start.record),
  ]);
}

function transposed<T>(items: readonly T[], width: number, row: (item: T) => readonly unknown[]): unknown[][] {
  const columns: unknown[][] = Array.from({ length: width }, () => []);
  for (const item of items) {
    for (const [index, value] of row(item).entries()) {
      columns[index]?.push(value);
    }
  }
  return columns;
}
