import { AcknowledgedFile } from "./acknowledged.ts";
import { Batch } from "./batch.ts";
import { DurationTotals, type Durations } from "./durations.ts";
import { systemFiles, type SpoolFiles } from "./files.ts";
import { GroupSync } from "./group-sync.ts";
import { checkSpoolLimits, type SpoolLimits } from "./limits.ts";
import { lockDirectory, type DirectoryLock } from "./lock.ts";
import { recoverSpool, type RecoveredSpool, type Recovery } from "./recovery.ts";
import { SegmentFiles } from "./segment-files.ts";
import type { Segment, Visit } from "./segment.ts";
import { afterFlush, noSyncTimes, type SyncPlace, type SyncTimes } from "./sync-place.ts";

export type { Recovery } from "./recovery.ts";
export type { Segment } from "./segment.ts";

/** `Written`: in the operating system, survives any death of the process. `Synced`: on the device. */
export type SpoolDurability = "Written" | "Synced";

/** What becomes of an append. `full`: no room, a failed device, or a closed spool; the entry is not kept. */
export type AppendResult = "written" | "full";

export interface SpoolOptions {
  /** Made when it is missing. One spool has it for itself. */
  readonly directory: string;
  readonly limits: SpoolLimits;
  /** Shown every entry that the last process left, oldest first, while the spool is opened. */
  readonly visit?: Visit;
  /** Called after entries were written, before their `done`. */
  readonly onWritten?: (lastSeq: number) => void;
  /** Called when a write failed, before the `done` of all entries since the last `onWritten`: none of them is kept. */
  readonly onFailed?: () => void;
  /**
   * Segments whose entries all have lower numbers than this may be given back once they are acknowledged; without it all may.
   * Call `giveBack` when it has grown.
   */
  readonly neededFrom?: () => number;
  readonly files?: SpoolFiles;
  /** Measures flushes; `performance.now` unless a test says otherwise. */
  readonly monotonicMs?: () => number;
}

/** What a spool has done and holds, for metrics. Plain data. */
export interface SpoolMetrics {
  readonly usedBytes: number;
  readonly segments: number;
  /** Writes that the device refused; none of their entries was kept. */
  readonly failedWrites: number;
  /** Writes to the operating system, one a turn. */
  readonly writes: Durations;
  /** Flushes to the device. */
  readonly flushes: Durations;
  readonly flushPlace: SyncPlace;
}

type Done = (result: AppendResult) => void;

/**
 * Durable, bounded queue of entries in append-only segment files. Entries of one turn of the event loop are written by one
 * write at its end; whoever needs more than that waits for a shared flush. Opaque bytes: it knows sequence numbers, not what
 * an entry says.
 *
 * An entry counts as kept once `done("written")` was called. A write that fails leaves nothing behind: the file is cut back to
 * where it was, and all entries of the turn are reported as `full`.
 */
export class Spool {
  /** What opening has found. */
  readonly recovery: Recovery;
  /** Where entries of this turn are written: `room`, bytes from `entryAt` on, then `commit`. */
  readonly batch: Batch = new Batch();
  readonly #options: SpoolOptions;
  readonly #files: SpoolFiles;
  readonly #lock: DirectoryLock;
  readonly #sync: GroupSync;
  readonly #segments: SegmentFiles;
  readonly #monotonicMs: () => number;
  readonly #writes = new DurationTotals();
  readonly #flushes = new DurationTotals();
  #syncTimes: SyncTimes = noSyncTimes;
  #failedWrites = 0;
  #written: Done[] = [];
  #synced: Done[] = [];
  #flushing: NodeJS.Immediate | undefined;
  readonly #flush = (): void => this.flush();
  #nextSeq: number;
  #writtenSeq: number;
  #acknowledged: number;
  readonly #acknowledgedFile: AcknowledgedFile;

  /** Opens the spool and reads what the last process left. Throws `UserError` when another process has the directory. */
  static open(options: SpoolOptions): Spool {
    checkSpoolLimits(options.limits);
    const files = options.files ?? systemFiles;
    files.mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const lock = lockDirectory(options.directory);
    try {
      const acknowledged = new AcknowledgedFile(files, options.directory).load();
      const recovered = recoverSpool(files, options.directory, acknowledged, options.visit ?? (() => {}));
      return new Spool(options, files, lock, acknowledged, recovered);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private constructor(
    options: SpoolOptions,
    files: SpoolFiles,
    lock: DirectoryLock,
    acknowledged: number,
    recovered: RecoveredSpool,
  ) {
    this.#options = options;
    this.#files = files;
    this.#lock = lock;
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.#sync = new GroupSync(files, this.#monotonicMs, (ms) => this.#flushed(ms));
    this.recovery = recovered.recovery;
    this.#segments = new SegmentFiles({
      files,
      directory: options.directory,
      limits: options.limits,
      segments: recovered.segments,
      appendable: recovered.appendable,
      isTorn: recovered.recovery.tornBytes > 0,
      retire: (fd) => this.#retired(fd),
    });
    this.#nextSeq = recovered.nextSeq;
    this.#writtenSeq = recovered.nextSeq - 1;
    this.#acknowledged = acknowledged;
    this.#acknowledgedFile = new AcknowledgedFile(files, options.directory);
  }

  /** Sequence number that the next entry gets. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Sequence number of the last entry in the operating system. */
  get writtenSeq(): number {
    return this.#writtenSeq;
  }

  /** Highest sequence number that was acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Bytes on the device, those of the current turn included. */
  get usedBytes(): number {
    return this.#segments.bytesWith(this.batch.end);
  }

  get metrics(): SpoolMetrics {
    return {
      usedBytes: this.usedBytes,
      segments: this.segments.length,
      failedWrites: this.#failedWrites,
      writes: this.#writes.totals,
      flushes: this.#flushes.totals,
      flushPlace: this.#syncTimes.place,
    };
  }

  /** Segments in order, whose first `bytes` bytes are valid and stay as they are. */
  get segments(): readonly Segment[] {
    return this.#segments.segments;
  }

  /** Appends bytes that are made already. `accepted`: `done` will be called once, later, in order; otherwise it is not taken. */
  append(
    entry: Uint8Array,
    options: { readonly durability: SpoolDurability; readonly reserved: boolean },
    done: Done,
  ): "accepted" | "full" | "too-large" {
    this.batch.room(entry.byteLength);
    const at = this.batch.entryAt;
    this.batch.bytes.set(entry, at);
    return this.commit(at + entry.byteLength, options.durability, options.reserved, done);
  }

  /**
   * Takes the entry that was written into `batch` and ends before `entryEnd`. `accepted`: `done` will be called once, later,
   * in order. `full`, `too-large`: it is not taken. `reserved` lets it into the reserve.
   */
  commit(
    entryEnd: number,
    durability: SpoolDurability,
    reserved: boolean,
    done: Done,
  ): "accepted" | "full" | "too-large" {
    const { limits } = this.#options;
    if (entryEnd - this.batch.entryAt > limits.recordBytesMax) {
      return "too-large";
    }
    const allowed = limits.totalBytesMax - (reserved ? 0 : limits.reserveBytes);
    const failed = this.#segments.isBroken || (durability === "Synced" && this.#sync.failed);
    if (failed || this.#segments.bytesWith(entryEnd) > allowed) {
      return "full";
    }
    this.batch.keep(entryEnd, this.#nextSeq);
    this.#nextSeq += 1;
    if (durability === "Synced") {
      this.#synced.push(done);
    } else {
      this.#written.push(done);
    }
    this.#flushing ??= setImmediate(this.#flush);
    return "accepted";
  }

  /** Writes what this turn has gathered, now. Called by itself at the end of the turn. */
  flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.batch.end === 0) {
      return;
    }
    const bytes = this.batch.sealed();
    const written = this.#written;
    const synced = this.#synced;
    this.#written = [];
    this.#synced = [];
    const isHere = synced.length > 0 && this.#syncTimes.place === "event-loop" && !this.#sync.isBusy;
    if (!this.#write(bytes, isHere)) {
      this.#takeBack([...written, ...synced]);
      return;
    }
    this.#writtenSeq = this.#nextSeq - 1;
    this.batch.reset();
    this.#options.onWritten?.(this.#writtenSeq);
    if (synced.length > 0) {
      this.#settleSynced(synced, isHere);
    }
    for (const done of written) {
      done("written");
    }
  }

  /** Everything up to `seq` is stored elsewhere: segments that hold nothing else are given back. */
  acknowledge(seq: number): void {
    const reached = Math.min(seq, this.#writtenSeq);
    if (reached > this.#acknowledged) {
      this.#acknowledged = reached;
      this.#acknowledgedFile.save(reached);
      this.giveBack();
    }
  }

  /** First number of the newest segment before which everything is acknowledged; that of the oldest one where none is. */
  get acknowledgedBoundary(): number {
    const reached = this.segments.findLast(({ firstSeq }) => firstSeq <= this.#acknowledged + 1);
    return reached?.firstSeq ?? this.segments[0]?.firstSeq ?? 1;
  }

  /** Gives back the room of segments that are acknowledged and not needed any more. */
  giveBack(): void {
    this.#segments.giveBack(Math.min(this.#acknowledged + 1, this.#options.neededFrom?.() ?? Infinity));
  }

  /** Writes what is left and gives the directory free. Appends are refused from then on. */
  close(): void {
    this.flush();
    this.#segments.close();
    this.#acknowledgedFile.close();
    this.#lock.release();
  }

  #takeBack(waiting: readonly Done[]): void {
    this.batch.reset();
    this.#nextSeq = this.#writtenSeq + 1;
    this.#options.onFailed?.();
    for (const done of waiting) {
      done("full");
    }
  }

  #write(bytes: Buffer, isSynced: boolean): boolean {
    const startedMs = this.#monotonicMs();
    const segments = this.segments.length;
    const result = this.#segments.write(bytes, this.#writtenSeq + 1, isSynced);
    const ms = this.#monotonicMs() - startedMs;
    if (isSynced) {
      this.#flushed(ms);
    } else {
      this.#writes.add(ms);
    }
    if (result === "failed") {
      this.#sync.fail();
    }
    if (result !== "written") {
      this.#failedWrites += 1;
    } else if (this.segments.length > segments) {
      this.giveBack();
    }
    return result === "written";
  }

  /** Calls those who wait for the device: now where the bytes are on it, otherwise after a flush that others share. */
  #settleSynced(synced: readonly Done[], isHere: boolean): void {
    const fd = this.#segments.activeFd;
    if (!this.#segments.flushName() || fd === undefined) {
      this.#sync.fail();
    }
    this.#segments.prepareNext();
    if (isHere || fd === undefined || this.#sync.failed) {
      for (const done of synced) {
        done(this.#sync.failed ? "full" : "written");
      }
      return;
    }
    this.#segments.flushedElsewhere();
    this.#sync.request(
      fd,
      synced.map((done) => (succeeded: boolean) => done(succeeded ? "written" : "full")),
    );
  }

  /** What was written to a segment before stays behind what is flushed in the next one. */
  #retired(fd: number): void {
    if (this.#flushes.totals.count > 0 && !this.#sync.failed) {
      try {
        this.#files.fdatasyncSync(fd);
      } catch {
        this.#sync.fail();
      }
    }
    this.#sync.retire(fd);
  }

  #flushed(ms: number): void {
    this.#flushes.add(ms);
    this.#syncTimes = afterFlush(this.#syncTimes, ms);
  }
}
