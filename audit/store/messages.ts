import type { PlainAddress } from "./postgres/address.ts";
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
  TailFilter,
  TailPage,
  TaskHead,
  TextPiece,
  TextQuery,
  TrailStatistics,
} from "./types.ts";
import type { Row } from "./views.ts";

/** How an engine over SQLite is opened. */
export interface SQLiteOptions {
  readonly kind: "sqlite";
  readonly path: string;
  /**
   * `write` makes and migrates the file; `read` needs it to be there, with the newest schema; `kept` reads a file that nobody writes as it
   * is, of whatever schema this release knows: older ones give their records by `raw` and `newest` alone.
   */
  readonly mode: "write" | "read" | "kept";
}

/** How an engine is opened. */
export type EngineOptions =
  | SQLiteOptions
  | { readonly kind: "postgres"; readonly address: PlainAddress; readonly mode: "write" | "read" };

type Answer<T> = T | Promise<T>;

/** What an engine does, over whatever database. `StoreEngine` says what each is. */
export interface StoreEngineMethods {
  claim(holder: string): Answer<void>;
  ingest(proxy: string, task: string, records: readonly Uint8Array[], received: number): Answer<IngestResult>;
  appendHead(line: number, signed: string): Answer<void>;
  headLines(after: number, limit: number): Answer<string[]>;
  acknowledged(proxy: string, task: string): Answer<number>;
  search(filter: AuditFilter, page: Page): Answer<PageOf<StatementView>>;
  sessions(filter: AuditFilter, page: Page): Answer<PageOf<SessionEntry>>;
  statistics(filter: AuditFilter, range: StatisticsRange): Answer<TrailStatistics>;
  tailPage(after: number, filter: TailFilter, limit: number): Answer<TailPage>;
  events(query: Required<Pick<EventQuery, "after" | "limit">> & EventQuery): Answer<PageOf<StoredEvent>>;
  raw(after: number, upTo: number, limit: number, grantID?: string): Answer<RawRecord[]>;
  indexRows(after: number, upTo: number, limit: number): Answer<Row[]>;
  statementPlaces(after: number, limit: number): Answer<Row[]>;
  expired(time: number): Answer<ExpiredRecords | undefined>;
  remove(upTo: number): Answer<boolean>;
  positionBefore(time: number): Answer<number>;
  textPieces(query: TextQuery, fromIndex: number, limit: number): Answer<TextPiece[]>;
  heads(): Answer<TaskHead[]>;
  newest(): Answer<number>;
  findings(limit: number): Answer<IngestFinding[]>;
  flaggedGrants(): Answer<string[]>;
  hazardsOf(grantID: string): Answer<FirstHazard[]>;
  stats(): Answer<StoreStats>;
  close(): Answer<void>;
}

/** Methods of the engine that the main thread may call. */
export type StoreMethod = Exclude<keyof StoreEngineMethods, "close">;

/** Main thread to worker. */
export interface StoreRequest {
  readonly id: number;
  readonly method: StoreMethod | "close";
  readonly args: readonly unknown[];
}

/** An error as it travels between threads. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  /** What more a `UserError` says. */
  readonly user?: { readonly code: string; readonly why: string; readonly next: string };
}

/**
 * Worker to main thread. `opening`: the engine could not be opened, and the worker ends. `stored`: there may be new records, of
 * whatever process.
 */
export type StoreResponse =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: PlainError }
  | { readonly id: "opening"; readonly error: PlainError }
  | { readonly id: "stored" };
