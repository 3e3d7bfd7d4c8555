import { ChainWriter, emptyChainState, type ChainState, type SessionState } from "./chain.ts";
import { decodeRecord } from "./codec.ts";
import type { RecordBody, RecordKind } from "./record.ts";
import { defaultSpoolLimits, type SpoolLimits } from "./spool/limits.ts";
import { Spool, type AppendResult, type SpooledRecord } from "./spool/spool.ts";
import type { SpoolFiles } from "./spool/files.ts";
import type { Clock } from "#lib/clock.ts";

/** A Database's `audit.durability`: `Written`, `Synced` as the spool means them; `Remote`: acknowledged by the controller. */
export type Durability = "Written" | "Synced" | "Remote";

/**
 * What became of a write. `full`: not kept, the statement must not be forwarded unless policy says `Gap`. `too-large`: the
 * record exceeds `recordBytesMax`; the statement must not be forwarded.
 */
export type WriteResult = "written" | "full" | "too-large";

export interface JournalOptions {
  readonly directory: string;
  /** `namespace/name` of the Proxy. */
  readonly proxy: string;
  /** Identifier of the ECS task. */
  readonly task: string;
  readonly clock: Clock;
  readonly limits?: SpoolLimits;
  readonly files?: SpoolFiles;
}

/** What a restart found; all empty in a new spool. */
export interface JournalRecovery {
  /** Sessions that were open when the last process died. `closeCrashed` closes them. */
  readonly openSessions: readonly SessionState[];
  readonly tornBytes: number;
  /** Sentences for the log; not empty only when a device lost what it had. */
  readonly damage: readonly string[];
}

/** Records that end something may use the spool's reserve: a full spool must still be able to say what became of things. */
const reservedKinds: ReadonlySet<RecordKind> = new Set(["statement.end", "session.close", "gap"]);

/** Opens the journal of one proxy task and goes on where the last process stopped. Throws `UserError` when it is in use. */
export function openJournal(options: JournalOptions): Journal {
  return new Journal(options);
}

/** Chain and spool joined: records go in as bodies, and come out linked, in order, for shipping. */
export class Journal {
  readonly recovery: JournalRecovery;
  readonly #chain: ChainWriter;
  readonly #spool: Spool;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  /** Writes that wait for the controller, oldest first. */
  #remote: { readonly seq: number; readonly done: (result: WriteResult) => void }[] = [];

  constructor(options: JournalOptions) {
    this.#clock = options.clock;
    this.#spool = Spool.open({
      directory: options.directory,
      limits: options.limits ?? defaultSpoolLimits,
      seqOf: (payload) => decodeRecord(payload).seq,
      onWritten: () => this.#written(),
      onFailed: () => this.#chain.undoAll(),
      ...(options.files === undefined ? {} : { files: options.files }),
    });
    const { header, tail, tornBytes, damage } = this.#spool.recovery;
    this.#chain = new ChainWriter(
      options.proxy,
      options.task,
      header === undefined ? emptyChainState : readState(header),
    );
    for (const bytes of tail) {
      this.#chain.replay(decodeRecord(bytes), bytes);
    }
    this.#chain.skipTo(this.#spool.nextSeq - 1);
    this.recovery = { openSessions: this.#chain.openSessions(), tornBytes, damage };
  }

  /** Sequence number of the last record that is in the spool. */
  get writtenSeq(): number {
    return this.#spool.writtenSeq;
  }

  /** Highest sequence number that the controller has stored, as far as this process knows. */
  get acknowledged(): number {
    return this.#spool.acknowledged;
  }

  /** Bytes of the spool in use, for metrics. */
  get usedBytes(): number {
    return this.#spool.usedBytes;
  }

  /** Whether `session` is open. */
  hasSession(session: string): boolean {
    return this.#chain.hasSession(session);
  }

  /** Links and writes one record; settles when it is as durable as asked. Order of calls is order of records. */
  write(
    body: RecordBody,
    options: { readonly durability: Durability } = { durability: "Written" },
  ): Promise<WriteResult> {
    return new Promise((resolve) => this.writeThen(body, options.durability, resolve));
  }

  /**
   * As `write`, without a promise: for the statement path. `done` is called once, at the end of the turn or later, or at
   * once where there is no room.
   */
  writeThen(body: RecordBody, durability: Durability, done: (result: WriteResult) => void): void {
    if (this.#spool.wantsSegment && !this.#spool.startSegment(Buffer.from(JSON.stringify(this.#chain.snapshot())))) {
      done("full");
      return;
    }
    const { record, bytes } = this.#chain.link(body, this.#clock.now());
    const accepted = this.#spool.append(
      bytes,
      { durability: durability === "Synced" ? "Synced" : "Written", reserved: reservedKinds.has(body.kind) },
      durability === "Remote" ? (result) => this.#awaitRemote(record.seq, result, done) : done,
    );
    if (accepted !== "accepted") {
      this.#chain.undo();
      done(accepted);
    }
  }

  /**
   * Writes the end of every session that the last process left open: statements in flight become `unknown`, the session is
   * closed as `proxy-crashed`; damage becomes a gap. Called once, before anything else is written. Returns how many.
   */
  async closeCrashed(): Promise<number> {
    const writes: Promise<WriteResult>[] = [];
    if (this.recovery.damage.length > 0) {
      writes.push(this.write({ kind: "gap", count: 0, reason: "spool-damaged" }));
    }
    for (const { session, inFlight } of this.recovery.openSessions) {
      for (const statement of inFlight) {
        const ended = { outcome: "unknown", bytesToClient: 0, bytesFromClient: 0, durationMs: 0 } as const;
        writes.push(this.write({ kind: "statement.end", session, statement, ...ended }));
      }
      const running = inFlight[0];
      writes.push(
        this.write({
          kind: "session.close",
          session,
          reason: "proxy-crashed",
          backend: "unknown",
          ...(running === undefined ? {} : { inFlight: running }),
        }),
      );
    }
    const results = await Promise.all(writes);
    if (results.some((result) => result !== "written")) {
      throw new Error("the spool has no room to close the sessions of the last process");
    }
    return this.recovery.openSessions.length;
  }

  /** Records to ship next, in order, together at most `bytesMax` bytes (at least one). Empty when all are shipped. */
  batchAfter(seq: number, bytesMax: number): SpooledRecord[] {
    return this.#spool.readAfter(seq, bytesMax);
  }

  /** Calls `listener` whenever there is something new to ship. Returns how to stop. */
  onWritten(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The controller has stored everything up to `seq`. Never called with more than was shipped. */
  acknowledge(seq: number): void {
    this.#spool.acknowledge(seq);
    const settled = this.#remote.filter((waiting) => waiting.seq <= seq);
    this.#remote = this.#remote.filter((waiting) => waiting.seq > seq);
    for (const waiting of settled) {
      waiting.done("written");
    }
  }

  /** Writes what is left and gives the directory free. Writes that wait for the controller end as `full`. */
  close(): void {
    this.#spool.close();
    for (const waiting of this.#remote.splice(0)) {
      waiting.done("full");
    }
  }

  #written(): void {
    this.#chain.settle();
    for (const listener of this.#listeners) {
      listener();
    }
  }

  #awaitRemote(seq: number, result: AppendResult, done: (result: WriteResult) => void): void {
    if (result !== "written" || seq <= this.acknowledged) {
      done(result);
      return;
    }
    this.#remote.push({ seq, done });
  }
}

/** The header was written by `writeThen` and its checksum holds. */
function readState(header: Buffer): ChainState {
  return JSON.parse(header.toString("utf8")) as ChainState;
}
