import pg from "pg";
import type { IngestResult } from "../types.ts";
import type { EngineOptions, StoreEngineMethods } from "../messages.ts";
import type {
  AuditFilter,
  EventQuery,
  ExpiredRecords,
  FirstHazard,
  IngestFinding,
  Page,
  PageOf,
  RawRecord,
  SessionEntry,
  StatisticsRange,
  StatementView,
  StoredEvent,
  StoreStats,
  TailFilter,
  TailPage,
  TaskHead,
  TextPiece,
  TextQuery,
  TrailStatistics,
} from "../types.ts";
import { indexRowsQuery, placesQuery } from "../index-check.ts";
import { eventOf, flagOf, ownerColumns, pieceOf, sessionOf, statementOf, text, timeOf } from "../views.ts";
import type { Row } from "../views.ts";
import { asksStatements, eventWhere, ofGrant, sessionWhere, statementWhere, tailWhere, type Where } from "../where.ts";
import {
  cursorOf,
  type Looked,
  lookedSQL,
  lookedWhere,
  pageMax,
  pageOf,
  pageOfLooked,
  pageSize,
  statementTables,
  tailWindow,
} from "../pages.ts";
import { askedTooMuch, clientConfig } from "./connection.ts";
import { statistics } from "./statistics.ts";
import { prepared } from "./prepared.ts";
import { tailEntry, taskHead } from "./row-views.ts";
import { storable } from "./rows.ts";
import { Listener } from "./listener.ts";
import { weekOf, weekStart } from "./weeks.ts";
import { StoreWriter } from "./writer.ts";

/** Connections that reading may hold: a search through everything must not hold up a tail. */
const readersMax = 4;

/** Bytes of a statement's two records, by what table `st` says of them. */
const statementBytes = `
  (SELECT x.bytes FROM records x WHERE x.store_seq = st.start_seq AND x.week = st.start_week) AS start_bytes,
  (SELECT x.bytes FROM records x WHERE x.store_seq = st.end_seq AND x.week = st.end_week) AS end_bytes`;

const statementQuery = `
  SELECT st.id, st.statement, st.start_seq, st.end_seq, t.proxy, t.task, ${ownerColumns}, ${statementBytes}
  FROM ${statementTables}`;

/** The week that the record after a position is in, or an earlier one: tables before it need not be looked at. */
const fromWeek = "(SELECT coalesce(max(w.week), 0) FROM weeks w WHERE w.first_seq <= ?::bigint + 1)";

/** Each record with what the tables made from it say. */
const indexRows = indexRowsQuery({
  statements: "AND st.week >= s.week AND st.week <= r.week",
  events: "AND e.week = r.week",
  records: `AND r.week >= ${fromWeek}`,
});
const statementPlaces = placesQuery("AND r.week IN (st.start_week, st.end_week)");

/** The store in Postgres: what `StoreEngine` is over SQLite. Several processes may read it, and one at a time may write. */
export class PostgresEngine implements StoreEngineMethods {
  /** For searches, each planned by what there is. */
  readonly #pool: pg.Pool;
  /** For what is found by its place, again and again. */
  readonly #places: pg.Pool;
  readonly #writer: StoreWriter | undefined;
  readonly #listener: Listener | undefined;

  /** Connects when it is first asked. `onStored` hears that there may be new records, in whatever process they were stored. */
  constructor(options: Extract<EngineOptions, { kind: "postgres" }>, onStored: () => void) {
    const { address, mode } = options;
    const config = clientConfig(address, `sallyport-audit-${mode}`, "byIndex");
    this.#pool = poolOf(clientConfig(address, `sallyport-audit-${mode}`));
    this.#places = poolOf(config);
    this.#writer = options.mode === "write" ? new StoreWriter(config) : undefined;
    this.#listener = options.mode === "read" ? new Listener(config, onStored) : undefined;
  }

  /** Brings the store to this release's schema and makes this process the one that writes; whoever wrote before may not any more. */
  async claim(holder: string): Promise<void> {
    await this.#writing().claim(holder);
  }

  async ingest(proxy: string, task: string, records: readonly Uint8Array[], received: number): Promise<IngestResult> {
    return this.#writing().ingest(proxy, task, records, received);
  }

  /** Keeps the next line of the head log. Rejects when it is not the next one. */
  async appendHead(line: number, signed: string): Promise<void> {
    await this.#writing().appendHead(line, signed);
  }

  /** Lines of the head log after a number, in order. */
  async headLines(after: number, limit: number): Promise<string[]> {
    const rows = await this.#placed("SELECT signed FROM head_lines WHERE line > ? ORDER BY line LIMIT ?", [
      after,
      limit,
    ]);
    return rows.map((row) => text(row["signed"]));
  }

  async search(filter: AuditFilter, page: Page): Promise<PageOf<StatementView>> {
    const looked = await this.#looked(filter, page);
    const where = lookedWhere(statementWhere(filter), looked, page);
    return pageOfLooked(await this.#page(statementQuery, where, "st.id", page), page, looked, statementOf);
  }

  async sessions(filter: AuditFilter, page: Page): Promise<PageOf<SessionEntry>> {
    const query = `SELECT s.id, t.proxy, t.task, s.open_time, s.close_time, s.close_reason, s.statements, ${ownerColumns}
      FROM sessions s JOIN tasks t ON t.id = s.task_id`;
    return pageOf(await this.#page(query, sessionWhere(filter, "s.open_time"), "s.id", page), page, sessionOf);
  }

  async tailPage(after: number, filter: TailFilter, limit: number): Promise<TailPage> {
    const newest = await this.newest();
    const windowEnd = Math.min(newest, after + tailWindow);
    const where = tailWhere(filter);
    const rows = await this.#placed(
      `SELECT r.store_seq, r.received, r.flag, r.bytes, r.session_id, r.statement AS record_statement, t.proxy, t.task,
         ${ownerColumns}, st.id AS statement_id, st.statement, st.start_seq, st.end_seq, ${statementBytes}
       FROM records r JOIN tasks t ON t.id = r.task_id LEFT JOIN sessions s ON s.id = r.session_id
         LEFT JOIN statements st ON st.session_id = r.session_id AND st.statement = r.statement
           AND st.week >= s.week AND st.week <= r.week
       WHERE r.store_seq > ? AND r.store_seq <= ? AND r.week >= ${fromWeek} AND ${where.sql} ORDER BY r.store_seq LIMIT ?`,
      [after, windowEnd, after, ...where.values, limit],
    );
    const position = rows.length < limit ? windowEnd : Number(rows.at(-1)?.["store_seq"]);
    return { entries: rows.map(tailEntry), position: Math.max(position, after), more: position < newest };
  }

  async events(query: Required<Pick<EventQuery, "after" | "limit">> & EventQuery): Promise<PageOf<StoredEvent>> {
    const { after, limit, ...filter } = query;
    const where = eventWhere(filter);
    const rows = await this.#placed(
      `SELECT e.store_seq AS id, r.bytes FROM events e JOIN records r ON r.store_seq = e.store_seq AND r.week = e.week
       WHERE e.store_seq > ? AND ${where.sql} ORDER BY e.store_seq LIMIT ?`,
      [after, ...where.values, Math.min(limit, pageMax) + 1],
    );
    return pageOf(rows, { limit, order: "oldest" }, eventOf);
  }

  async raw(after: number, upTo: number, limit: number, grantID?: string): Promise<RawRecord[]> {
    const where = ofGrant(grantID);
    const rows = await this.#placed(
      `SELECT r.store_seq, r.received, r.flag, r.bytes, t.proxy, t.task FROM records r JOIN tasks t ON t.id = r.task_id
       WHERE r.store_seq > ? AND r.store_seq <= ? AND r.week >= ${fromWeek} AND ${where.sql}
       ORDER BY r.store_seq LIMIT ?`,
      [after, upTo, after, ...where.values, limit],
    );
    return rows.map((row) => ({
      storeSeq: Number(row["store_seq"]),
      receivedTime: timeOf(row["received"]),
      proxy: text(row["proxy"]),
      task: text(row["task"]),
      ...flagOf(row["flag"]),
      bytes: row["bytes"] instanceof Uint8Array ? row["bytes"] : new Uint8Array(),
    }));
  }

  indexRows(after: number, upTo: number, limit: number): Promise<Row[]> {
    return this.#placed(indexRows, [after, upTo, after, limit]);
  }

  statementPlaces(after: number, limit: number): Promise<Row[]> {
    return this.#placed(statementPlaces, [after, limit]);
  }

  async expired(time: number): Promise<ExpiredRecords | undefined> {
    const week = weekOf(time);
    const [row] = await this.#rows(
      `SELECT (SELECT min(first_seq) FROM weeks WHERE week >= ?) AS next, (SELECT min(week) FROM weeks WHERE week < ?) AS oldest,
         (SELECT store_seq FROM writer) AS newest`,
      [week, week],
    );
    if (row === undefined || row["oldest"] === null) {
      return undefined;
    }
    const upTo = row["next"] === null ? Number(row["newest"]) : Number(row["next"]) - 1;
    return { upTo, before: timeOf(weekStart(week)) };
  }

  async remove(upTo: number): Promise<boolean> {
    await this.#writing().remove(upTo);
    return false;
  }

  async positionBefore(time: number): Promise<number> {
    const [row] = await this.#rows(
      `SELECT r.store_seq FROM records r WHERE r.received >= ? AND r.week >= ?::integer ORDER BY r.store_seq LIMIT 1`,
      // A clock that was put back may have put older times into a week, never newer ones.
      [time, weekOf(time)],
    );
    return row === undefined ? this.newest() : Number(row["store_seq"]) - 1;
  }

  async textPieces(query: TextQuery, fromIndex: number, limit: number): Promise<TextPiece[]> {
    const rows = await this.#placed(
      `SELECT r.bytes FROM texts x JOIN sessions s ON s.id = x.session_id JOIN tasks t ON t.id = s.task_id
         JOIN records r ON r.store_seq = x.store_seq AND r.week = x.week
       WHERE t.proxy = ? AND t.task = ? AND s.session = ? AND x.text = ? AND x.piece >= ? ORDER BY x.piece LIMIT ?`,
      [query.proxy, query.task, query.session, query.text, fromIndex, limit],
    );
    return rows.flatMap((row) => pieceOf(row["bytes"]) ?? []);
  }

  async heads(): Promise<TaskHead[]> {
    const rows = await this.#rows(
      `SELECT t.id, t.proxy, t.task, t.seq, t.chain_seq, t.chain_head, s.session, s.session_seq, s.head
       FROM tasks t LEFT JOIN sessions s ON s.task_id = t.id AND s.close_time IS NULL AND s.session_seq > 0
       ORDER BY t.id, s.id`,
    );
    return [...Map.groupBy(rows, (row) => row["id"]).values()].flatMap((own) => {
      const [row] = own;
      const open = own.filter((session) => session["session"] !== null);
      return row === undefined ? [] : [taskHead(row, open)];
    });
  }

  async acknowledged(proxy: string, task: string): Promise<number> {
    const [row] = await this.#placed("SELECT seq FROM tasks WHERE proxy = ? AND task = ?", [proxy, task]);
    return Number(row?.["seq"] ?? 0);
  }

  async newest(): Promise<number> {
    return Number((await this.#placed("SELECT store_seq FROM writer"))[0]?.["store_seq"] ?? 0);
  }

  async findings(limit: number): Promise<IngestFinding[]> {
    const rows = await this.#rows(
      `SELECT t.proxy, t.task, f.seq, f.kind, f.detail FROM findings f JOIN tasks t ON t.id = f.task_id
       ORDER BY f.id DESC LIMIT ?`,
      [limit],
    );
    return rows.map((row) => ({
      proxy: text(row["proxy"]),
      task: text(row["task"]),
      seq: Number(row["seq"]),
      kind: text(row["kind"]) as IngestFinding["kind"],
      detail: text(row["detail"]),
    }));
  }

  async flaggedGrants(): Promise<string[]> {
    const rows = await this.#rows(
      "SELECT DISTINCT s.grant_id FROM hazards h JOIN sessions s ON s.id = h.session_id WHERE s.grant_id IS NOT NULL",
    );
    return rows.map((row) => text(row["grant_id"]));
  }

  async hazardsOf(grantID: string): Promise<FirstHazard[]> {
    const rows = await this.#rows(
      `SELECT * FROM (
         SELECT DISTINCT ON (h.hazard, h.refused) h.id, h.hazard, h.refused, h.statement, s.session
         FROM hazards h JOIN sessions s ON s.id = h.session_id WHERE s.grant_id = ?
         ORDER BY h.hazard, h.refused, h.id) AS first ORDER BY id`,
      [grantID],
    );
    return rows.map((row) => ({
      hazard: text(row["hazard"]),
      refused: row["refused"] === true,
      session: text(row["session"]),
      statement: Number(row["statement"]),
    }));
  }

  async stats(): Promise<StoreStats> {
    const [row] = await this.#rows(
      `SELECT (SELECT count(*) FROM records) AS records, (SELECT count(*) FROM sessions) AS sessions,
         (SELECT count(*) FROM sessions WHERE close_time IS NULL) AS open, (SELECT count(*) FROM statements) AS statements,
         (SELECT count(*) FROM findings) AS findings, (SELECT store_seq FROM writer) AS newest,
         (SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c
          WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r') AS bytes`,
    );
    return {
      records: Number(row?.["records"]),
      sessions: Number(row?.["sessions"]),
      openSessions: Number(row?.["open"]),
      statements: Number(row?.["statements"]),
      findings: Number(row?.["findings"]),
      storeSeq: Number(row?.["newest"]),
      fileBytes: Number(row?.["bytes"]),
    };
  }

  async statistics(filter: AuditFilter, range: StatisticsRange): Promise<TrailStatistics> {
    return statistics((sql, values) => this.#rows(sql, values), statementQuery, filter, range);
  }

  async close(): Promise<void> {
    await this.#listener?.close();
    await this.#writer?.close();
    await this.#places.end();
    await this.#pool.end();
  }

  #writing(): StoreWriter {
    if (this.#writer === undefined) {
      throw new Error("the store is open for reading only");
    }
    return this.#writer;
  }

  async #looked(filter: AuditFilter, page: Page): Promise<Looked> {
    if (!asksStatements(filter)) {
      return { end: undefined };
    }
    const { sql, values } = lookedSQL(sessionWhere(filter, "st.time"), page);
    const [row] = await this.#rows(sql, values);
    return { end: row === undefined ? undefined : Number(row["id"]) };
  }

  #page(query: string, where: Where, id: string, page: Page): Promise<Row[]> {
    const isNewest = page.order === "newest";
    return this.#rows(
      `${query} WHERE ${where.sql} AND ${id} ${isNewest ? "<" : ">"} ? ORDER BY ${id} ${isNewest ? "DESC" : "ASC"} LIMIT ?`,
      [...where.values, cursorOf(page), pageSize(page) + 1],
    );
  }

  async #rows(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    try {
      return (await this.#pool.query<Record<string, unknown>>(numbered(sql), values.map(asked))).rows;
    } catch (error) {
      throw askedTooMuch(error) ?? error;
    }
  }

  #placed(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return prepared(this.#places, numbered(sql), values.map(asked));
  }
}

function poolOf(config: pg.ClientConfig): pg.Pool {
  const pool = new pg.Pool({ ...config, max: readersMax });
  // A connection that ends while nobody uses it is made again when it is needed.
  pool.on("error", () => {});
  return pool;
}

/** What is looked for, as it is stored. */
function asked(value: unknown): unknown {
  return typeof value === "string" ? storable(value) : value;
}

/** Conditions are written with `?`, as SQLite has them; none of them holds one in a text. */
function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll("?", () => {
    count += 1;
    return `$${count}`;
  });
}
