import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { indexRowsQuery, placesQuery } from "./index-check.ts";
import { Ingestor, newestPosition } from "./ingest.ts";
import { headOf } from "./judge.ts";
import type { SQLiteOptions, StoreEngineMethods } from "./messages.ts";
import { openKeptFile } from "./kept-file.ts";
import { assertKnownSchema, migrate, migrations } from "./schema.ts";
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
} from "./pages.ts";
import { removals } from "./removals.ts";
import { statistics } from "./statistics.ts";
import type {
  AuditFilter,
  EventQuery,
  ExpiredRecords,
  FirstHazard,
  IngestFinding,
  IngestResult,
  Page,
  PageOf,
  RawRecord,
  SessionEntry,
  StatisticsRange,
  StatementView,
  StoredEvent,
  StoreStats,
  TailEntry,
  TailFilter,
  TailPage,
  TaskHead,
  TextPiece,
  TextQuery,
  TrailStatistics,
} from "./types.ts";
import {
  eventOf,
  flagOf,
  ownerColumns,
  ownerOf,
  pieceOf,
  recordIn,
  sessionOf,
  statementOf,
  text,
  timeOf,
  type Row,
} from "./views.ts";
import { asksStatements, eventWhere, ofGrant, sessionWhere, statementWhere, tailWhere, type Where } from "./where.ts";

/** SQLite waits this long for another process that reads or checkpoints. */
const busyTimeoutMs = 10_000;

const dayMs = 24 * 60 * 60 * 1_000;
/** Removing must not hold up ingest: so many records take some ten milliseconds. */
const removedAtOnce = 5_000;
const statementQuery = `
  SELECT st.id, st.statement, st.start_seq, st.end_seq, t.proxy, t.task, ${ownerColumns},
    (SELECT bytes FROM records WHERE store_seq = st.start_seq) AS start_bytes,
    (SELECT bytes FROM records WHERE store_seq = st.end_seq) AS end_bytes
  FROM ${statementTables}`;

/**
 * The store itself, on one connection, synchronous: it runs inside a worker. Everything that it promises to have stored
 * is on the device when the call returns (WAL with synchronous=FULL, sqlite.org/pragma.html#pragma_synchronous).
 */
export class StoreEngine implements StoreEngineMethods {
  readonly #database: DatabaseSync;
  readonly #ingestor: Ingestor | undefined;
  readonly #statementByNumber: StatementSync;

  /** Opens the store. */
  constructor(options: SQLiteOptions) {
    const { path, mode } = options;
    if (mode === "write") {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    }
    this.#database =
      mode === "kept"
        ? openKeptFile(path)
        : new DatabaseSync(path, { timeout: busyTimeoutMs, readOnly: mode === "read" });
    if (mode === "write") {
      this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
      migrate(this.#database);
    }
    this.#ingestor = mode === "write" ? new Ingestor(this.#database) : undefined;
    this.#statementByNumber = this.#database.prepare(`${statementQuery} WHERE st.session_id = ? AND st.statement = ?`);
  }

  /** Whether it has the schema of this release; one that was kept may be older. */
  get isNewest(): boolean {
    return assertKnownSchema(this.#database) === migrations.length;
  }

  /** The lock on the state directory makes this process the only one already. */
  claim(_holder: string): void {}

  /** Heads are kept apart from the records: in files. */
  appendHead(_line: number, _signed: string): void {
    throw new Error("the store on this machine keeps no heads");
  }

  /** None: see `appendHead`. */
  headLines(_after: number, _limit: number): string[] {
    return [];
  }

  /** See `Ingestor.ingest`. */
  ingest(proxy: string, task: string, records: readonly Uint8Array[], received: number): IngestResult {
    if (this.#ingestor === undefined) {
      throw new Error("the store is open for reading only");
    }
    return this.#ingestor.ingest(proxy, task, records, received);
  }

  /** Statements that match, a page at a time. */
  search(filter: AuditFilter, page: Page): PageOf<StatementView> {
    const looked = this.#looked(filter, page);
    const where = lookedWhere(statementWhere(filter), looked, page);
    return pageOfLooked(this.#page(statementQuery, where, "st.id", page), page, looked, statementOf);
  }

  /** Sessions that match, a page at a time. Conditions on statements are not looked at. */
  sessions(filter: AuditFilter, page: Page): PageOf<SessionEntry> {
    const query = `SELECT s.id, t.proxy, t.task, s.open_time, s.close_time, s.close_reason, s.statements, ${ownerColumns},
        (SELECT min(r.store_seq) FROM records r WHERE r.session_id = s.id) AS first_seq
      FROM sessions s JOIN tasks t ON t.id = s.task_id`;
    return pageOf(this.#page(query, sessionWhere(filter, "s.open_time"), "s.id", page), page, sessionOf);
  }

  /** See `statistics`. */
  statistics(filter: AuditFilter, range: StatisticsRange): TrailStatistics {
    return statistics(this.#database, statementQuery, filter, range);
  }

  /** Records after `after` that match, in the order they came. */
  tailPage(after: number, filter: TailFilter, limit: number): TailPage {
    const newest = this.newest();
    const windowEnd = Math.min(newest, after + tailWindow);
    const where = tailWhere(filter);
    const rows = this.#database
      .prepare(
        `SELECT r.store_seq, r.received, r.flag, r.bytes, r.session_id, r.statement, t.proxy, t.task, ${ownerColumns}
         FROM records r JOIN tasks t ON t.id = r.task_id LEFT JOIN sessions s ON s.id = r.session_id
           LEFT JOIN statements st ON st.session_id = r.session_id AND st.statement = r.statement
         WHERE r.store_seq > ? AND r.store_seq <= ? AND ${where.sql} ORDER BY r.store_seq LIMIT ?`,
      )
      .all(after, windowEnd, ...where.values, limit);
    const last = rows.at(-1)?.["store_seq"];
    const position = rows.length < limit ? windowEnd : Number(last);
    return {
      entries: rows.map((row) => this.#entry(row)),
      position: Math.max(position, after),
      more: position < newest,
    };
  }

  /** The controller's own events that match, in the order they came. */
  events(query: Required<Pick<EventQuery, "after" | "limit">> & EventQuery): PageOf<StoredEvent> {
    const { after, limit, ...filter } = query;
    const where = eventWhere(filter);
    const rows = this.#database
      .prepare(
        `SELECT e.store_seq AS id, r.bytes FROM events e JOIN records r ON r.store_seq = e.store_seq
         WHERE e.store_seq > ? AND ${where.sql} ORDER BY e.store_seq LIMIT ?`,
      )
      .all(after, ...where.values, Math.min(limit, pageMax) + 1);
    return pageOf(rows, { limit, order: "oldest" }, eventOf);
  }

  /** Raw records with `after < storeSeq <= upTo`, in the order they came. */
  raw(after: number, upTo: number, limit: number, grantID?: string): RawRecord[] {
    const where = ofGrant(grantID);
    const rows = this.#database
      .prepare(
        `SELECT r.store_seq, r.received, r.flag, r.bytes, t.proxy, t.task FROM records r JOIN tasks t ON t.id = r.task_id
         WHERE r.store_seq > ? AND r.store_seq <= ? AND ${where.sql} ORDER BY r.store_seq LIMIT ?`,
      )
      .all(after, upTo, ...where.values, limit);
    return rows.map((row) => ({
      storeSeq: Number(row["store_seq"]),
      receivedTime: timeOf(row["received"]),
      proxy: text(row["proxy"]),
      task: text(row["task"]),
      ...flagOf(row["flag"]),
      bytes: row["bytes"] instanceof Uint8Array ? row["bytes"] : new Uint8Array(),
    }));
  }

  /** See `indexRowsQuery`. */
  indexRows(after: number, upTo: number, limit: number): Row[] {
    const query = indexRowsQuery({ statements: "", events: "", records: "" });
    return this.#database.prepare(query).all(after, upTo, limit);
  }

  /** See `placesQuery`. */
  statementPlaces(after: number, limit: number): Row[] {
    return this.#database.prepare(placesQuery("")).all(after, limit);
  }

  /** Newest position up to which everything was stored before an instant, epoch milliseconds; 0 where nothing was. */
  positionBefore(time: number): number {
    const row = this.#database
      .prepare("SELECT store_seq FROM records WHERE received >= ? ORDER BY store_seq LIMIT 1")
      .get(time);
    return row === undefined ? this.newest() : Number(row["store_seq"]) - 1;
  }

  /** What was stored before an instant, epoch milliseconds, in whole days; undefined where nothing of it is left. */
  expired(time: number): ExpiredRecords | undefined {
    const before = Math.floor(time / dayMs) * dayMs;
    const upTo = this.positionBefore(before);
    const oldest = this.#database.prepare("SELECT min(store_seq) AS seq FROM records").get()?.["seq"];
    return typeof oldest === "number" && oldest <= upTo ? { upTo, before: timeOf(before) } : undefined;
  }

  /** Removes the oldest of the records up to a position, and what was made of them; whether there are more. */
  remove(upTo: number): boolean {
    this.#database.exec("BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = ON");
    try {
      const oldest = Number(this.#database.prepare("SELECT min(store_seq) AS seq FROM records").get()?.["seq"] ?? upTo);
      const last = Math.min(upTo, oldest + removedAtOnce);
      for (const sql of removals) {
        this.#database.prepare(sql).run(last);
      }
      this.#database.exec("COMMIT");
      return last < upTo;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Pieces of a large text from `fromIndex` on, in order, at most `limit`. */
  textPieces(query: TextQuery, fromIndex: number, limit: number): TextPiece[] {
    const rows = this.#database
      .prepare(
        `SELECT r.bytes FROM texts x JOIN sessions s ON s.id = x.session_id JOIN tasks t ON t.id = s.task_id
           JOIN records r ON r.store_seq = x.store_seq
         WHERE t.proxy = ? AND t.task = ? AND s.session = ? AND x.text = ? AND x.piece >= ? ORDER BY x.piece LIMIT ?`,
      )
      .all(query.proxy, query.task, query.session, query.text, fromIndex, limit);
    return rows.flatMap((row) => pieceOf(row["bytes"]) ?? []);
  }

  /** Where all tasks' chains stand, with all open sessions: for the signer after a restart. */
  heads(): TaskHead[] {
    const open = this.#database.prepare(
      "SELECT session, session_seq, head FROM sessions WHERE task_id = ? AND close_time IS NULL AND session_seq > 0",
    );
    const tasks = this.#database.prepare("SELECT id, proxy, task, seq, chain_seq, chain_head FROM tasks").all();
    return tasks.map((row) =>
      headOf(
        {
          proxy: text(row["proxy"]),
          task: text(row["task"]),
          seq: Number(row["seq"]),
          chainSeq: Number(row["chain_seq"]),
          chainHead: row["chain_head"] === null ? null : text(row["chain_head"]),
        },
        open.all(Number(row["id"])).map((session) => ({
          session: text(session["session"]),
          sessionSeq: Number(session["session_seq"]),
          head: text(session["head"]),
        })),
      ),
    );
  }

  /** Highest sequence number stored of a task; 0 for one that is not known. */
  acknowledged(proxy: string, task: string): number {
    const row = this.#database.prepare("SELECT seq FROM tasks WHERE proxy = ? AND task = ?").get(proxy, task);
    return Number(row?.["seq"] ?? 0);
  }

  /** Position of the newest record; 0 in an empty store. */
  newest(): number {
    return newestPosition(this.#database);
  }

  /** What ingest found wrong, newest first, at most `limit`. */
  findings(limit: number): IngestFinding[] {
    const rows = this.#database
      .prepare(
        `SELECT t.proxy, t.task, f.seq, f.kind, f.detail FROM findings f JOIN tasks t ON t.id = f.task_id
         ORDER BY f.id DESC LIMIT ?`,
      )
      .all(limit);
    return rows.map((row) => ({
      proxy: text(row["proxy"]),
      task: text(row["task"]),
      seq: Number(row["seq"]),
      kind: text(row["kind"]) as IngestFinding["kind"],
      detail: text(row["detail"]),
    }));
  }

  /** Grants that have statements with hazards. */
  flaggedGrants(): string[] {
    return this.#database
      .prepare("SELECT DISTINCT s.grant_id FROM hazards h JOIN sessions s ON s.id = h.session_id")
      .all()
      .flatMap((row) => (row["grant_id"] === null ? [] : [text(row["grant_id"])]));
  }

  /** The first statement with each hazard, refused ones and others apart, in the order they came. */
  hazardsOf(grantID: string): FirstHazard[] {
    // SQLite takes the other columns from the row that has the least id (sqlite.org/lang_select.html#bareagg).
    const rows = this.#database
      .prepare(
        `SELECT min(h.id) AS first, h.hazard, h.refused, h.statement, s.session
         FROM hazards h JOIN sessions s ON s.id = h.session_id WHERE s.grant_id = ?
         GROUP BY h.hazard, h.refused ORDER BY first`,
      )
      .all(grantID);
    return rows.map((row) => ({
      hazard: text(row["hazard"]),
      refused: row["refused"] === 1,
      session: text(row["session"]),
      statement: Number(row["statement"]),
    }));
  }

  /** Counts, for metrics. Reads whole indexes: not for every request. */
  stats(): StoreStats {
    const count = (sql: string): number => Number(Object.values(this.#database.prepare(sql).get() ?? {})[0] ?? 0);
    return {
      records: count("SELECT count(*) FROM records"),
      sessions: count("SELECT count(*) FROM sessions"),
      openSessions: count("SELECT count(*) FROM sessions WHERE close_time IS NULL"),
      statements: count("SELECT count(*) FROM statements"),
      findings: count("SELECT count(*) FROM findings"),
      storeSeq: this.newest(),
      fileBytes: count("PRAGMA page_count") * count("PRAGMA page_size"),
    };
  }

  close(): void {
    this.#database.close();
  }

  #looked(filter: AuditFilter, page: Page): Looked {
    if (!asksStatements(filter)) {
      return { end: undefined };
    }
    const { sql, values } = lookedSQL(sessionWhere(filter, "st.time"), page);
    const row = this.#database.prepare(sql).get(...values);
    return { end: row === undefined ? undefined : Number(row["id"]) };
  }

  #page(query: string, where: Where, id: string, page: Page): Row[] {
    const newest = page.order === "newest";
    return this.#database
      .prepare(
        `${query} WHERE ${where.sql} AND ${id} ${newest ? "<" : ">"} ? ORDER BY ${id} ${newest ? "DESC" : "ASC"} LIMIT ?`,
      )
      .all(...where.values, cursorOf(page), pageSize(page) + 1);
  }

  #entry(row: Row): TailEntry {
    const record = recordIn(row["bytes"]);
    const statement =
      row["session_id"] === null || row["statement"] === null
        ? undefined
        : this.#statementByNumber.get(Number(row["session_id"]), Number(row["statement"]));
    return {
      storeSeq: Number(row["store_seq"]),
      receivedTime: timeOf(row["received"]),
      proxy: text(row["proxy"]),
      task: text(row["task"]),
      ...flagOf(row["flag"]),
      ...(record === undefined ? {} : { record }),
      ...(row["session_id"] === null ? {} : { owner: ownerOf(row) }),
      ...(statement === undefined ? {} : { statement: statementOf(statement) }),
    };
  }
}
