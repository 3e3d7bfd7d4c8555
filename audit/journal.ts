import { canonicalJSON, type CanonicalValue } from "./canonical.ts";
import type { SessionState } from "./chain.ts";
import { crashBodies } from "./crash-bodies.ts";
import { encodeEntry } from "./entry/encode.ts";
import type { JournalMetrics } from "./journal-metrics.ts";
import { JournalState } from "./journal-state.ts";
import type { LinkedBatch } from "./linking/linking.ts";
import { LinkingThread, linkingHere, type LinkingPort } from "./linking/thread.ts";
import { LeftRecords } from "./left-records.ts";
import { OpenSessions } from "./open-sessions.ts";
import { OwedRecords } from "./owed-records.ts";
import { isLarge, splitStart } from "./large-text.ts";
import type { RecordBody, RecordKind, SessionClose, StatementStart } from "./record.ts";
import { systemFiles, type SpoolFiles } from "./spool/files.ts";
import { defaultSpoolLimits, type SpoolLimits } from "./spool/limits.ts";
import { listSegments } from "./spool/segment.ts";
import { Spool } from "./spool/spool.ts";
import { WaitingAge } from "./waiting-age.ts";
import type { Clock, EpochMs } from "#lib/clock.ts";

export type { JournalMetrics } from "./journal-metrics.ts";
export type { LinkedBatch } from "./linking/linking.ts";

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
  /** Where records are linked: in a thread of its own (default), or on the caller's, for tests. */
  readonly linking?: "thread" | "here";
}

/** What a restart found; all empty in a new spool. */
export interface JournalRecovery {
  /** Sessions that were open when the last process died. `closeCrashed` closes them. Their `head` is not known. */
  readonly openSessions: readonly SessionState[];
  readonly tornBytes: number;
  /** Sentences for the log; not empty only when a device lost what it had. */
  readonly damage: readonly string[];
}

/** Records that end something may use the spool's reserve: a full spool must still be able to say what became of things. */
const reservedKinds: ReadonlySet<RecordKind> = new Set(["statement.end", "session.close", "gap"]);

/** JSON makes at most this of a byte of an entry: `\u0000`. */
const jsonGrowthMax = 6;
/** What linking adds to a body's JSON, without the names of proxy and task: numbers, hashes, counts, member names. */
const envelopeBytesMax = 1_024;

const noBytes = new Uint8Array(0);

/** Opens the journal of one proxy task and goes on where the last process stopped. Throws `UserError` when it is in use. */
export function openJournal(options: JournalOptions): Journal {
  return new Journal(options);
}

/**
 * Takes what happens as bodies, keeps it in the spool, and gives it out as linked records, in order, for shipping. On the way in a
 * body is only encoded and written; it is linked when it is shipped, in a thread of its own, always to the same bytes
 * (docs/decisions/0010-deferred-linking.md).
 */
export class Journal {
  readonly recovery: JournalRecovery;
  readonly #spool: Spool;
  readonly #clock: Clock;
  readonly #state: JournalState;
  readonly #sessions: OpenSessions;
  readonly #linking: LinkingPort;
  readonly #owed: OwedRecords;
  readonly #recordBytesMax: number;
  readonly #envelopeBytes: number;
  readonly #listeners = new Set<() => void>();
  readonly #counts = { taken: 0, full: 0, tooLarge: 0, denied: 0, gaps: 0, gapRecords: 0, textPieces: 0 };
  readonly #capacityBytes: number;
  readonly #waiting = new WaitingAge();
  #lastDenied: EpochMs | undefined;
  #linkedSeq = 0;
  /** `Remote` writes that are taken and not settled, those of this turn included: shipping begins before their `done`. */
  #remoteWaiting = 0;
  /** Time of the turn's first record: one look at the clock for all of them. */
  #time = 0;
  /** Writes that wait for the controller, oldest first. */
  readonly #remote: { readonly seq: number; readonly done: (result: WriteResult) => void }[] = [];

  constructor(options: JournalOptions) {
    const { directory, proxy, task, clock, limits = defaultSpoolLimits, files = systemFiles } = options;
    this.#clock = clock;
    this.#recordBytesMax = limits.recordBytesMax;
    this.#capacityBytes = limits.totalBytesMax - limits.reserveBytes;
    this.#envelopeBytes = envelopeBytesMax + Buffer.byteLength(JSON.stringify([proxy, task]));
    this.#state = new JournalState(directory, files);
    const left = new LeftRecords(proxy, task, this.#state);
    this.#spool = Spool.open({
      directory,
      limits,
      files,
      monotonicMs: () => clock.monotonicMs(),
      visit: (entry, seq) => {
        const time = left.take(entry, seq, () => listSegments(files, directory)[0]?.firstSeq ?? seq) ?? clock.now();
        this.#waiting.written(seq, clock.monotonicMs() - (clock.now() - time));
      },
      onWritten: () => this.#written(),
      onFailed: () => this.#sessions.turnLost(),
      neededFrom: () => this.#state.neededFrom,
    });
    this.#waiting.acknowledged(this.#spool.acknowledged);
    left.finish(this.#spool.segments[0]?.firstSeq ?? this.#spool.nextSeq);
    const { tornBytes, damage } = this.#spool.recovery;
    this.recovery = { openSessions: left.openSessions(), tornBytes, damage: [...damage, ...left.damage] };
    this.#sessions = new OpenSessions(this.recovery.openSessions.map(({ session }) => session));
    this.#owed = new OwedRecords(clock, (body, done) => this.#put(body, "Written", done));
    const linkingOptions = () => ({ proxy, task, start: this.#state.anchor });
    this.#linking = options.linking === "here" ? linkingHere(linkingOptions) : new LinkingThread(linkingOptions);
  }

  /** Sequence number of the last record that is in the spool. */
  get writtenSeq(): number {
    return this.#spool.writtenSeq;
  }

  /** Sequence number of the last record that was taken: what is written once this turn ends counts too. */
  get takenSeq(): number {
    return this.#spool.nextSeq - 1;
  }

  /** Highest sequence number that the controller has stored, as far as this process knows. */
  get acknowledged(): number {
    return this.#spool.acknowledged;
  }

  /** What the journal has done and holds. */
  metrics(): JournalMetrics {
    return {
      ...this.#spool.metrics,
      ...this.#counts,
      writtenSeq: this.writtenSeq,
      acknowledgedSeq: this.acknowledged,
      oldestWaitingMs: this.#waiting.oldestMs(this.#clock.monotonicMs()),
      capacityBytes: this.#capacityBytes,
      lastDenied: this.#lastDenied,
      linkedSeq: this.#linkedSeq,
      openSessions: this.#sessions.count,
      owedRecords: this.#owed.count,
      remoteWaiting: this.#remoteWaiting,
    };
  }

  /** Whether a write waits for the controller to store what it said: shipping must not wait then. */
  get isRemoteWaiting(): boolean {
    return this.#remoteWaiting > 0;
  }

  /** Whether `session` is open. */
  hasSession(session: string): boolean {
    return this.#sessions.has(session);
  }

  /** Writes one record; settles when it is as durable as asked. Order of calls is order of records. */
  write(
    body: RecordBody,
    options: { readonly durability: Durability } = { durability: "Written" },
  ): Promise<WriteResult> {
    return new Promise((resolve) => this.writeThen(body, options.durability, resolve));
  }

  /**
   * As `write`, without a promise: for the statement path. `done` is called once, at the end of the turn or later, or at
   * once where there is no room. The end of a session for which there is no room is written as soon as there is. A statement
   * with texts that are too large for one record is written as several: `LargeText` says how, for those who do not have the
   * whole text in memory.
   */
  writeThen(body: RecordBody, durability: Durability, done: (result: WriteResult) => void): void {
    if (body.kind === "session.close") {
      this.#putClose(body, durability, done);
    } else if (body.kind === "statement.start" && isLarge(body)) {
      this.#putLarge(body, durability, done);
    } else {
      this.#put(body, durability, done);
    }
  }

  /** What was refused with `full` is not done: its session ends. Counted, so that somebody hears of it. */
  denied(): void {
    this.#counts.denied += 1;
    this.#lastDenied = this.#clock.now();
  }

  /** Number for a large text that the caller writes piece by piece (`LargeText`). */
  nextText(session: string): number {
    return this.#sessions.nextText(session);
  }

  /**
   * Writes the end of every session that the last process left open: statements in flight become `unknown`, the session is
   * closed as `proxy-crashed`; damage becomes a gap. Called once, before anything else is written. Returns how many. What there is
   * no room for is written as soon as there is.
   */
  async closeCrashed(): Promise<number> {
    const { openSessions, damage } = this.recovery;
    this.#owed.add(crashBodies(openSessions, damage));
    await this.#owed.pay();
    return openSessions.length;
  }

  /**
   * Records to ship next, in order, together about `bytesMax` bytes (at least one record). Empty when all are shipped. Rejects when
   * they cannot be read; one call at a time.
   */
  async batchAfter(seq: number, bytesMax: number): Promise<LinkedBatch> {
    const boundary = this.#spool.acknowledgedBoundary;
    const isBehind = boundary > this.#state.neededFrom && !this.#state.knows(boundary);
    if (seq >= this.#spool.writtenSeq && !isBehind) {
      return { bytes: noBytes, count: 0, lastSeq: seq, boundaries: [] };
    }
    const segments = this.#spool.segments.map((segment) => ({ ...segment }));
    const batch = await this.#linking.next({ after: seq, bytesMax, segments });
    this.#linkedSeq = batch.lastSeq;
    this.#state.learn(batch.boundaries);
    this.#giveBack();
    return batch;
  }

  /** Calls `listener` whenever there is something new to ship. Returns how to stop. */
  onWritten(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The controller has stored everything up to `seq`. Never called with more than was shipped. */
  acknowledge(seq: number): void {
    this.#spool.acknowledge(seq);
    this.#waiting.acknowledged(this.acknowledged);
    this.#giveBack();
    const waiting = this.#remote.findIndex((entry) => entry.seq > seq);
    for (const { done } of this.#remote.splice(0, waiting === -1 ? this.#remote.length : waiting)) {
      this.#remoteWaiting -= 1;
      done("written");
    }
  }

  /** Writes what is left and gives the directory free. Writes that wait for the controller end as `full`. */
  close(): void {
    this.#owed.close();
    this.#state.close();
    this.#linking.close();
    this.#spool.close();
    for (const waiting of this.#remote.splice(0)) {
      this.#remoteWaiting -= 1;
      waiting.done("full");
    }
  }

  #putClose(body: SessionClose, durability: Durability, done: (result: WriteResult) => void): void {
    this.#put(body, durability, (result) => {
      if (result === "full") {
        this.#owed.add([body]);
      }
      done(result);
    });
  }

  /** All or nothing of a turn is kept, so pieces that were accepted are on record when the start is. */
  #putLarge(body: StatementStart, durability: Durability, done: (result: WriteResult) => void): void {
    const { session } = body;
    this.#sessions.prefixFor(body);
    const known = this.#sessions.knownTexts(session);
    const { pieces, start } = splitStart(body, () => this.#sessions.nextText(session), known);
    let refused: WriteResult | undefined;
    for (const piece of pieces) {
      if (refused === undefined) {
        this.#put(piece, "Written", (result) => {
          refused ??= result === "written" ? undefined : result;
        });
      }
    }
    if (refused !== undefined) {
      known.clear();
      done(refused);
      return;
    }
    this.#put(start, durability, done);
  }

  #put(body: RecordBody, durability: Durability, done: (result: WriteResult) => void): void {
    const prefix = this.#sessions.prefixFor(body);
    const spool = this.#spool;
    const batch = spool.batch;
    if (batch.end === 0) {
      this.#time = this.#clock.now();
    }
    const entryEnd = encodeEntry(batch, body, prefix, this.#time);
    if (this.#isTooLarge(body, entryEnd - batch.entryAt)) {
      this.#counts.tooLarge += 1;
      done("too-large");
      return;
    }
    const seq = spool.nextSeq;
    const accepted = spool.commit(
      entryEnd,
      durability === "Synced" ? "Synced" : "Written",
      reservedKinds.has(body.kind),
      durability === "Remote" ? (result) => this.#awaitRemote(seq, result, done) : done,
    );
    if (accepted !== "accepted") {
      this.#counts[accepted === "full" ? "full" : "tooLarge"] += 1;
      done(accepted);
      return;
    }
    this.#counts.taken += 1;
    if (durability === "Remote") {
      this.#remoteWaiting += 1;
    }
    if (body.kind !== "statement.start" && body.kind !== "statement.end") {
      this.#takeRare(body);
    }
  }

  /** What only some kinds need. */
  #takeRare(body: RecordBody): void {
    if (body.kind === "gap") {
      this.#counts.gaps += 1;
      this.#counts.gapRecords += body.count;
    } else if (body.kind === "statement.text") {
      this.#counts.textPieces += 1;
    } else {
      this.#sessions.taken(body);
    }
  }

  /** The record is made later and must then fit: what could be too large is measured. */
  #isTooLarge(body: RecordBody, entryBytes: number): boolean {
    return (
      entryBytes * jsonGrowthMax + this.#envelopeBytes > this.#recordBytesMax &&
      Buffer.byteLength(canonicalJSON(body as unknown as CanonicalValue)) + this.#envelopeBytes > this.#recordBytesMax
    );
  }

  #written(): void {
    this.#waiting.written(this.writtenSeq, this.#clock.monotonicMs());
    this.#sessions.turnKept();
    for (const listener of this.#listeners) {
      listener();
    }
    this.#owed.thereIsRoom();
  }

  /** Keeps the state of the newest segment that is needed, and gives back those before it. */
  #giveBack(): void {
    const boundary = this.#spool.acknowledgedBoundary;
    if (boundary > this.#state.neededFrom) {
      this.#state.moveTo(boundary, () => {
        this.#spool.giveBack();
        this.#owed.thereIsRoom();
        this.#giveBack();
      });
    }
  }

  #awaitRemote(seq: number, result: "written" | "full", done: (result: WriteResult) => void): void {
    if (result !== "written" || seq <= this.acknowledged) {
      this.#remoteWaiting -= 1;
      done(result);
      return;
    }
    this.#remote.push({ seq, done });
  }
}
