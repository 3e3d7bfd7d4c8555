import type { Clock } from "#lib/clock.ts";
import type { Text } from "../text.ts";
import type { Finding } from "../verify-report.ts";
import { exportLine } from "./export.ts";
import { checkIndex, type IndexSource } from "./index-check.ts";
import type { EngineOptions } from "./messages.ts";
import type { PlainAddress, StoreAddress } from "./postgres/address.ts";
import { TextCheck } from "./text-check.ts";
import { StoreThread } from "./thread.ts";
import type {
  AuditFilter,
  EventFilter,
  EventQuery,
  ExpiredRecords,
  FirstHazard,
  IngestFinding,
  IngestResult,
  Page,
  PageOf,
  RawRange,
  RawRecord,
  SessionEntry,
  StatisticsRange,
  StatementView,
  StoredEvent,
  StoreStats,
  TailEntry,
  TailFilter,
  TaskHead,
  TextQuery,
  TrailStatistics,
} from "./types.ts";

export type * from "./types.ts";

/** Where records are kept. */
export type StorePlace =
  /** The SQLite file; its directory is made. Two more files, `-wal` and `-shm`, lie beside it. */
  | { readonly path: string }
  /** Postgres. Nothing is asked of it before the first call. */
  | { readonly postgres: StoreAddress };

export type AuditStoreOptions = StorePlace & {
  readonly clock: Clock;
  /** Called once when a thread of it has died: nothing can be stored any more, and all calls fail. */
  readonly onFailed?: (error: Error) => void;
};

function plain(address: StoreAddress): PlainAddress {
  return { ...address, password: address.password?.reveal() };
}

export interface TailOptions {
  /** Store position after which to begin; 0 is the beginning. */
  readonly after: number;
  readonly filter?: TailFilter;
  /** Ends the tail. */
  readonly signal?: AbortSignal;
}

export interface EventTailOptions {
  /** Store position after which to begin; 0 is the beginning. */
  readonly after: number;
  readonly filter?: EventFilter;
  /** Ends the tail. */
  readonly signal?: AbortSignal;
}

/** Pieces that one page of a large text holds in memory: about a mebibyte. */
const textPagePieces = 8;
/** Records that one page of a tail or export holds in memory. */
const pageRecords = 200;

/**
 * The audit store: SQLite or Postgres in threads of its own, so that it never delays the event loop. One thread writes, one reads,
 * so that a search through everything does not delay what is to be stored. Everything that fails rejects; a call after
 * `close` too.
 */
export class AuditStore {
  readonly #clock: Clock;
  readonly #writer: StoreThread;
  readonly #reader: StoreThread;
  #closed = false;
  /** Wakes tails that have shown everything. */
  readonly #wakers = new Set<() => void>();

  /** Opens the store, making or migrating it. Rejects when the file cannot be opened or is of a newer release. */
  static async open(options: AuditStoreOptions): Promise<AuditStore> {
    let opened: AuditStore | undefined;
    const events = {
      onEnd: (error: Error): void => {
        if (opened !== undefined) {
          opened.#end(error, options);
        }
      },
      onStored: (): void => {
        if (opened !== undefined) {
          opened.#wake();
        }
      },
    };
    const engine = (mode: "write" | "read"): EngineOptions =>
      "path" in options
        ? { kind: "sqlite", path: options.path, mode }
        : { kind: "postgres", address: plain(options.postgres), mode };
    const isFile = "path" in options;
    const writer = new StoreThread(engine("write"), events);
    try {
      // Answered when the file is there and has the newest schema, which the reader needs.
      await (isFile ? writer.call("acknowledged", "", "") : undefined);
      const reader = new StoreThread(engine("read"), events);
      await (isFile ? reader.call("acknowledged", "", "") : undefined);
      opened = new AuditStore(options.clock, writer, reader);
      return opened;
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  private constructor(clock: Clock, writer: StoreThread, reader: StoreThread) {
    this.#clock = clock;
    this.#writer = writer;
    this.#reader = reader;
  }

  /**
   * Makes this process the one that writes; `holder` names it for people. Has to be called before anything is stored in Postgres, where
   * it brings the schema to this release's too; whoever wrote before may not any more. Rejects when the store is of a newer release.
   */
  claim(holder: string): Promise<void> {
    return this.#writer.call("claim", holder);
  }

  /** Keeps the next line of the head log in a store that several replicas share. */
  appendHead(line: number, signed: string): Promise<void> {
    return this.#writer.call("appendHead", line, signed);
  }

  /** Lines of the head log that the store holds, those after the first `from`: none in SQLite, since they are in files. */
  async *headLines(from = 0): AsyncGenerator<string, void, void> {
    for (let after = from; ;) {
      const lines = await this.#reader.call("headLines", after, pageRecords);
      yield* lines;
      after += lines.length;
      if (lines.length < pageRecords) {
        return;
      }
    }
  }

  /**
   * Stores one batch from `proxy` (`namespace/name`) and `task`, as authenticated. When it resolves, everything up to
   * `ackSeq` is on the device. A batch that was stored before changes nothing. What does not fit is stored with a flag
   * and listed in `findings`.
   */
  async ingest(proxy: string, task: string, records: readonly Uint8Array[]): Promise<IngestResult> {
    const result = await this.#writer.call("ingest", proxy, task, records, this.#clock.now());
    this.#wake();
    return result;
  }

  /** Highest sequence number stored of a task: where its proxy goes on shipping. */
  acknowledged(proxy: string, task: string): Promise<number> {
    return this.#writer.call("acknowledged", proxy, task);
  }

  /** Statements, start and end merged, newest first unless asked otherwise. */
  search(filter: AuditFilter, page: Partial<Page> = {}): Promise<PageOf<StatementView>> {
    return this.#reader.call("search", filter, { limit: 100, order: "newest", ...page });
  }

  /**
   * What charts show of the statements that match and began within `range`. Rejects with a `UserError` `TooManyStatements` where it would
   * have to look at more of them than `statisticsStatementsMax`.
   */
  statistics(filter: AuditFilter, range: StatisticsRange): Promise<TrailStatistics> {
    return this.#reader.call("statistics", filter, range);
  }

  /** Sessions, newest first unless asked otherwise. */
  sessions(filter: AuditFilter, page: Partial<Page> = {}): Promise<PageOf<SessionEntry>> {
    return this.#reader.call("sessions", filter, { limit: 100, order: "newest", ...page });
  }

  /** The controller's own events that match, in the order they came. */
  events(query: EventQuery = {}): Promise<PageOf<StoredEvent>> {
    return this.#reader.call("events", { after: 0, limit: 100, ...query });
  }

  /** The same, then new ones as they come, until the signal or `close`. Resume with the last `storeSeq` seen. */
  async *eventTail(options: EventTailOptions): AsyncGenerator<StoredEvent, void, void> {
    const { signal } = options;
    let { after } = options;
    const stopped = (): boolean => signal?.aborted === true || this.#closed;
    while (!stopped()) {
      const woken = this.#nextWake(signal);
      try {
        const page = await this.events({ ...options.filter, after, limit: pageRecords });
        for (const event of page.items) {
          after = event.storeSeq;
          yield event;
        }
        if (page.next === undefined) {
          await woken.promise;
        }
      } finally {
        woken.cancel();
      }
    }
  }

  /** What ingest found wrong, newest first. */
  findings(limit = 100): Promise<IngestFinding[]> {
    return this.#reader.call("findings", limit);
  }

  /** Grants that have statements with hazards. Resolves after every `ingest` whose records it counts, as `hazardsOf` does. */
  flaggedGrants(): Promise<string[]> {
    return this.#writer.call("flaggedGrants");
  }

  /** The first statement of a grant with each hazard, refused ones and others apart, in the order they came. */
  hazardsOf(grantID: string): Promise<FirstHazard[]> {
    return this.#writer.call("hazardsOf", grantID);
  }

  /**
   * A text that was too large for its statement's record, piece by piece: as much of it is in memory as one page holds. Throws
   * `UserError` `TextIncomplete` when a piece is missing, or the whole is not what its digest says; what was given until then was
   * there.
   */
  async *text(query: TextQuery): AsyncGenerator<Text, void, void> {
    const check = new TextCheck(query);
    for (;;) {
      const pieces = await this.#reader.call("textPieces", query, check.nextIndex, textPagePieces);
      for (const piece of pieces) {
        check.take(piece);
        yield piece.data;
      }
      if (check.isComplete || pieces.length === 0) {
        check.finish();
        return;
      }
    }
  }

  /** Where all chains stand, for the signer. */
  heads(): Promise<TaskHead[]> {
    return this.#writer.call("heads");
  }

  /**
   * Position of the newest record: where a tail begins that is to show only what comes. Resolves after every `ingest` whose
   * records it counts.
   */
  newest(): Promise<number> {
    return this.#writer.call("newest");
  }

  /** Counts. Not for every request. */
  stats(): Promise<StoreStats> {
    return this.#reader.call("stats");
  }

  /**
   * Every record after `after`, in the order they came, then new ones as they come, until the signal or `close`. Nothing is
   * dropped however slow the reader: what it has not asked for stays in the store. Resume with the last `storeSeq` seen.
   */
  async *tail(options: TailOptions): AsyncGenerator<TailEntry, void, void> {
    let position = options.after;
    const stopped = (): boolean => options.signal?.aborted === true || this.#closed;
    while (!stopped()) {
      const woken = this.#nextWake(options.signal);
      try {
        const page = await this.#reader.call("tailPage", position, options.filter ?? {}, pageRecords);
        position = page.position;
        for (const entry of page.entries) {
          if (stopped()) {
            return;
          }
          yield entry;
        }
        if (!page.more) {
          await woken.promise;
        }
      } finally {
        woken.cancel();
      }
    }
  }

  /** What was stored before an instant, epoch milliseconds, as far as it can be removed: whole days, in Postgres whole weeks. */
  expired(time: number): Promise<ExpiredRecords | undefined> {
    return this.#reader.call("expired", time);
  }

  /** Removes all records up to a position that `expired` gave, and what was made of them. Ingest goes on meanwhile. */
  async remove(upTo: number): Promise<void> {
    let isMore = true;
    while (isMore) {
      isMore = await this.#writer.call("remove", upTo);
    }
  }

  /** Newest position up to which everything was stored before an instant, epoch milliseconds. */
  positionBefore(time: number): Promise<number> {
    return this.#reader.call("positionBefore", time);
  }

  /** All records up to now with their bytes as they came, in the order they came; `after` and `upTo` are store positions. */
  async *raw(range: RawRange = {}): AsyncGenerator<RawRecord, void, void> {
    const upTo = range.upTo ?? (await this.newest());
    for (let after = range.after ?? 0; ;) {
      const records = await this.#reader.call("raw", after, upTo, pageRecords, range.grantID);
      yield* records;
      const last = records.at(-1);
      if (last === undefined) {
        return;
      }
      after = last.storeSeq;
    }
  }

  /** Compares what is searched, up to now or a position, with the records: see `checkIndex`. */
  async checkIndex(upTo?: number): Promise<readonly Finding[]> {
    const reader = this.#reader;
    const source: IndexSource = {
      indexRows: (after, end, limit) => reader.call("indexRows", after, end, limit),
      statementPlaces: (after, limit) => reader.call("statementPlaces", after, limit),
    };
    return checkIndex(source, upTo ?? (await this.newest()));
  }

  /** What `raw` gives as lines of JSON without line ends; `parseExportLine` reads them back for verification. */
  async *export(range: RawRange = {}): AsyncGenerator<string, void, void> {
    for await (const record of this.raw(range)) {
      yield exportLine(record);
    }
  }

  /** Finishes what was asked for, closes the file and ends the threads. Tails end. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.#reader.close();
    await this.#writer.close();
  }

  #end(error: Error, options: AuditStoreOptions): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#wake();
      options.onFailed?.(error);
    }
  }

  #wake(): void {
    const wakers = [...this.#wakers];
    this.#wakers.clear();
    for (const wake of wakers) {
      wake();
    }
  }

  /** Armed before a page is read, so that what comes during the read wakes too. */
  #nextWake(signal: AbortSignal | undefined): { promise: Promise<void>; cancel: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wakers.add(resolve);
    const wake = (): void => resolve();
    signal?.addEventListener("abort", wake);
    return {
      promise,
      cancel: () => {
        this.#wakers.delete(resolve);
        signal?.removeEventListener("abort", wake);
      },
    };
  }
}
