import { Worker } from "node:worker_threads";
import type { Clock } from "#lib/clock.ts";
import { exportLine } from "./export.ts";
import type { StoreEngine } from "./engine.ts";
import type { StoreMethod, StoreRequest, StoreResponse } from "./messages.ts";
import type {
  AuditFilter,
  IngestFinding,
  IngestResult,
  Page,
  PageOf,
  RawRecord,
  SessionEntry,
  StatementView,
  StoreStats,
  TailEntry,
  TailFilter,
  TaskHead,
} from "./types.ts";

export type * from "./types.ts";

export interface AuditStoreOptions {
  /** The SQLite file; its directory is made. Two more files, `-wal` and `-shm`, lie beside it. */
  readonly path: string;
  readonly clock: Clock;
  /** Called once when the worker has died: nothing can be stored any more, and all calls fail. */
  readonly onFailed?: (error: Error) => void;
}

export interface TailOptions {
  /** Store position after which to begin; 0 is the beginning. */
  readonly after: number;
  readonly filter?: TailFilter;
  /** Ends the tail. */
  readonly signal?: AbortSignal;
}

/** Records that one page of a tail or export holds in memory. */
const pageRecords = 200;

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The audit store: SQLite in a worker thread of its own, so that a flush never delays the event loop. Calls are served in
 * order. Everything that fails rejects; a call after `close` too.
 */
export class AuditStore {
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #calls = new Map<number, Call>();
  #nextID = 1;
  #dead: Error | undefined;
  /** Wakes tails that have shown everything. */
  #wakers = new Set<() => void>();

  /** Opens the store, making or migrating it. Rejects when the file cannot be opened or is of a newer release. */
  static async open(options: AuditStoreOptions): Promise<AuditStore> {
    const store = new AuditStore(options);
    await store.#call("acknowledged", "", "");
    return store;
  }

  private constructor(options: AuditStoreOptions) {
    this.#clock = options.clock;
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData: { path: options.path },
      name: "audit-store",
    });
    this.#worker.on("message", (response: StoreResponse) => this.#settle(response));
    this.#worker.on("error", (error) => this.#die(error instanceof Error ? error : new Error(String(error)), options));
    this.#worker.on("exit", () => this.#die(new Error("the audit store is closed")));
  }

  /**
   * Stores one batch from `proxy` (`namespace/name`) and `task`, as authenticated. When it resolves, everything up to
   * `ackSeq` is on the device. A batch that was stored before changes nothing. What does not fit is stored with a flag
   * and listed in `findings`.
   */
  async ingest(proxy: string, task: string, records: readonly Uint8Array[]): Promise<IngestResult> {
    const result = await this.#call("ingest", proxy, task, records, this.#clock.now());
    this.#wake();
    return result;
  }

  /** Highest sequence number stored of a task: where its proxy goes on shipping. */
  acknowledged(proxy: string, task: string): Promise<number> {
    return this.#call("acknowledged", proxy, task);
  }

  /** Statements, start and end merged, newest first unless asked otherwise. */
  search(filter: AuditFilter, page: Partial<Page> = {}): Promise<PageOf<StatementView>> {
    return this.#call("search", filter, { limit: 100, order: "newest", ...page });
  }

  /** Sessions, newest first unless asked otherwise. */
  sessions(filter: AuditFilter, page: Partial<Page> = {}): Promise<PageOf<SessionEntry>> {
    return this.#call("sessions", filter, { limit: 100, order: "newest", ...page });
  }

  /** What ingest found wrong, newest first. */
  findings(limit = 100): Promise<IngestFinding[]> {
    return this.#call("findings", limit);
  }

  /** Where all chains stand, for the signer. */
  heads(): Promise<TaskHead[]> {
    return this.#call("heads");
  }

  /** Counts. Not for every request. */
  stats(): Promise<StoreStats> {
    return this.#call("stats");
  }

  /**
   * Every record after `after`, in the order they came, then new ones as they come, until the signal or `close`. Nothing is
   * dropped however slow the reader: what it has not asked for stays in the store. Resume with the last `storeSeq` seen.
   */
  async *tail(options: TailOptions): AsyncGenerator<TailEntry, void, void> {
    let position = options.after;
    const stopped = (): boolean => options.signal?.aborted === true || this.#dead !== undefined;
    while (!stopped()) {
      const woken = this.#nextWake(options.signal);
      try {
        const page = await this.#call("tailPage", position, options.filter ?? {}, pageRecords);
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

  /** All records up to now with their bytes as they came, in the order they came; `after` and `upTo` are store positions. */
  async *raw(range: { readonly after?: number; readonly upTo?: number } = {}): AsyncGenerator<RawRecord, void, void> {
    const upTo = range.upTo ?? (await this.stats()).storeSeq;
    for (let after = range.after ?? 0; ;) {
      const records = await this.#call("raw", after, upTo, pageRecords);
      yield* records;
      const last = records.at(-1);
      if (last === undefined) {
        return;
      }
      after = last.storeSeq;
    }
  }

  /** The same as lines of JSON without line ends; `parseExportLine` reads them back for verification. */
  async *export(range: { readonly after?: number; readonly upTo?: number } = {}): AsyncGenerator<string, void, void> {
    for await (const record of this.raw(range)) {
      yield exportLine(record);
    }
  }

  /** Finishes what was asked for, closes the file and ends the worker. Tails end. */
  async close(): Promise<void> {
    if (this.#dead === undefined) {
      await this.#send("close", []);
      this.#die(new Error("the audit store is closed"));
      await this.#worker.terminate();
    }
  }

  #call<M extends StoreMethod>(method: M, ...args: Parameters<StoreEngine[M]>): Promise<ReturnType<StoreEngine[M]>> {
    return this.#send(method, args) as Promise<ReturnType<StoreEngine[M]>>;
  }

  #send(method: StoreRequest["method"], args: readonly unknown[]): Promise<unknown> {
    if (this.#dead !== undefined) {
      return Promise.reject(this.#dead);
    }
    return new Promise((resolve, reject) => {
      const id = this.#nextID;
      this.#nextID += 1;
      this.#calls.set(id, { resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
      this.#worker.postMessage({ id, method, args });
    });
  }

  #settle(response: StoreResponse): void {
    const call = this.#calls.get(response.id);
    this.#calls.delete(response.id);
    if ("error" in response) {
      const error = new Error(response.error.message);
      error.name = response.error.name;
      call?.reject(error);
    } else {
      call?.resolve(response.value);
    }
  }

  #die(error: Error, options?: AuditStoreOptions): void {
    if (this.#dead !== undefined) {
      return;
    }
    this.#dead = error;
    for (const call of this.#calls.values()) {
      call.reject(error);
    }
    this.#calls.clear();
    this.#wake();
    options?.onFailed?.(error);
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
