import { systemFiles, type SpoolFiles } from "./files.ts";
import { frameHeaderBytes, putFrame } from "./frame.ts";
import { GroupSync } from "./group-sync.ts";
import { checkSpoolLimits, type SpoolLimits } from "./limits.ts";
import { lockDirectory, type DirectoryLock } from "./lock.ts";
import { loadAcknowledged, saveAcknowledged } from "./acknowledged.ts";
import { SpoolReader, type SpooledRecord } from "./reader.ts";
import { recoverSpool, type RecoveredSpool, type Recovery } from "./recovery.ts";
import { createSegment, writeAll, type Segment } from "./segment.ts";

export type { SpooledRecord } from "./reader.ts";
export type { Recovery } from "./recovery.ts";

/** `Written`: in the operating system, survives any death of the process. `Synced`: on the device. */
export type SpoolDurability = "Written" | "Synced";

/** What becomes of an append. `full`: no room, a failed device, or a closed spool; the record is not kept. */
export type AppendResult = "written" | "full";

export interface SpoolOptions {
  /** Made when it is missing. One spool has it for itself. */
  readonly directory: string;
  readonly limits: SpoolLimits;
  /** Sequence number that a record says of itself; asked only where damage has made counting impossible. */
  readonly seqOf: (payload: Uint8Array) => number;
  /** Called after records were written, before their `done`. */
  readonly onWritten?: (lastSeq: number) => void;
  /** Called when a write failed, before the `done` of all records since the last `onWritten`: none of them is kept. */
  readonly onFailed?: () => void;
  readonly files?: SpoolFiles;
}

interface Waiting {
  readonly durability: SpoolDurability;
  readonly done: (result: AppendResult) => void;
}

/** First size of the batch buffer; a turn that needs more gets more, and it is given back after. */
const batchBufferBytes = 1024 * 1024;

/**
 * Durable, bounded queue of records in append-only segment files. Records of one turn of the event loop are written by
 * one write at its end; whoever needs more than that waits for a shared flush. Opaque bytes: it knows sequence numbers,
 * not what a record says.
 *
 * A record counts as kept once `done("written")` was called. A write that fails leaves nothing behind: the file is cut
 * back to where it was, and all records of the turn are reported as `full`.
 */
export class Spool {
  /** What opening has found. */
  readonly recovery: Recovery;
  readonly #options: SpoolOptions;
  readonly #files: SpoolFiles;
  readonly #lock: DirectoryLock;
  readonly #reader: SpoolReader;
  readonly #sync: GroupSync;
  readonly #segments: Segment[];
  #fd: number | undefined;
  #batch = Buffer.allocUnsafeSlow(batchBufferBytes);
  #batchBytes = 0;
  #waiting: Waiting[] = [];
  #flushing: NodeJS.Immediate | undefined;
  #nextSeq: number;
  #writtenSeq: number;
  #acknowledged: number;
  #totalBytes: number;
  #directorySynced = false;
  #broken = false;

  /** Opens the spool and reads what the last process left. Throws `UserError` when another process has the directory. */
  static open(options: SpoolOptions): Spool {
    checkSpoolLimits(options.limits);
    const files = options.files ?? systemFiles;
    files.mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const lock = lockDirectory(options.directory);
    try {
      const acknowledged = loadAcknowledged(files, options.directory);
      const recovered = recoverSpool(files, options.directory, acknowledged, options.limits, options.seqOf);
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
    this.#reader = new SpoolReader(files, options.limits.recordBytesMax);
    this.#sync = new GroupSync(files);
    this.recovery = recovered.recovery;
    this.#segments = [...recovered.segments];
    this.#nextSeq = recovered.nextSeq;
    this.#writtenSeq = recovered.nextSeq - 1;
    this.#acknowledged = acknowledged;
    this.#totalBytes = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
    const last = this.#segments.at(-1);
    if (recovered.appendable && last !== undefined) {
      this.#fd = files.openSync(last.path, "r+");
      files.ftruncateSync(this.#fd, last.bytes);
    }
  }

  /** Sequence number that the next record gets. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Sequence number of the last record in the operating system. */
  get writtenSeq(): number {
    return this.#writtenSeq;
  }

  /** Highest sequence number that was acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Bytes in use, those of the current turn included. */
  get usedBytes(): number {
    return this.#totalBytes + this.#batchBytes;
  }

  /** Whether the next `append` must be preceded by `startSegment`. */
  get wantsSegment(): boolean {
    const active = this.#segments.at(-1);
    return (
      this.#batchBytes === 0 &&
      (this.#fd === undefined || active === undefined || active.bytes >= this.#options.limits.segmentBytes)
    );
  }

  /**
   * Starts a new segment; `header` is the state before the next record, given back by `recovery` after a restart. False
   * when there is no room or the device fails.
   */
  startSegment(header: Uint8Array): boolean {
    if (this.#broken || this.#totalBytes + header.byteLength > this.#options.limits.totalBytesMax) {
      return false;
    }
    try {
      const { segment, fd } = createSegment(this.#files, this.#options.directory, this.#nextSeq, header);
      if (this.#fd !== undefined) {
        this.#sync.retire(this.#fd);
      }
      this.#fd = fd;
      this.#directorySynced = false;
      this.#segments.push(segment);
      this.#totalBytes += segment.bytes;
      this.#dropAcknowledged();
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Takes one record. `accepted`: `done` will be called once, later, in order. `full`, `too-large`: it is not taken.
   * `reserved` lets it into the reserve.
   */
  append(
    payload: Uint8Array,
    options: { readonly durability: SpoolDurability; readonly reserved: boolean },
    done: (result: AppendResult) => void,
  ): "accepted" | "full" | "too-large" {
    const { limits } = this.#options;
    if (payload.byteLength > limits.recordBytesMax) {
      return "too-large";
    }
    const bytes = frameHeaderBytes + payload.byteLength;
    const allowed = limits.totalBytesMax - (options.reserved ? 0 : limits.reserveBytes);
    const failed = this.#broken || this.#fd === undefined || (options.durability === "Synced" && this.#sync.failed);
    if (failed || this.usedBytes + bytes > allowed) {
      return "full";
    }
    this.#makeRoom(bytes);
    this.#batchBytes = putFrame(this.#batch, this.#batchBytes, payload);
    this.#waiting.push({ durability: options.durability, done });
    this.#nextSeq += 1;
    this.#flushing ??= setImmediate(() => this.flush());
    return "accepted";
  }

  /** Writes what this turn has gathered, now. Called by itself at the end of the turn. */
  flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    const active = this.#segments.at(-1);
    if (this.#batchBytes === 0 || active === undefined || this.#fd === undefined) {
      return;
    }
    const waiting = this.#waiting;
    const bytes = this.#batch.subarray(0, this.#batchBytes);
    this.#waiting = [];
    this.#batchBytes = 0;
    try {
      writeAll(this.#files, this.#fd, bytes, active.bytes);
    } catch {
      this.#takeBack(this.#fd, active, waiting);
      return;
    }
    active.bytes += bytes.length;
    this.#totalBytes += bytes.length;
    this.#writtenSeq = this.#nextSeq - 1;
    if (this.#batch.length > batchBufferBytes) {
      this.#batch = Buffer.allocUnsafeSlow(batchBufferBytes);
    }
    this.#options.onWritten?.(this.#writtenSeq);
    this.#report(this.#fd, waiting);
  }

  /** Records after `seq`, together at most `bytesMax`, at least one where there is one. Only what is written. */
  readAfter(seq: number, bytesMax: number): SpooledRecord[] {
    for (const [index, segment] of this.#segments.entries()) {
      const next = this.#segments[index + 1];
      if (next !== undefined && next.firstSeq <= seq + 1) {
        continue;
      }
      const records = this.#reader.read(segment, Math.max(seq + 1, segment.firstSeq), bytesMax);
      if (records.length > 0) {
        return records;
      }
    }
    return [];
  }

  /** Everything up to `seq` is stored elsewhere: segments that hold nothing else are given back. */
  acknowledge(seq: number): void {
    const reached = Math.min(seq, this.#writtenSeq);
    if (reached > this.#acknowledged) {
      this.#acknowledged = reached;
      saveAcknowledged(this.#files, this.#options.directory, reached);
      this.#dropAcknowledged();
    }
  }

  /** Writes what is left and gives the directory free. Appends are refused from then on. */
  close(): void {
    this.flush();
    this.#broken = true;
    if (this.#fd !== undefined) {
      this.#sync.retire(this.#fd);
      this.#fd = undefined;
    }
    this.#lock.release();
  }

  #makeRoom(bytes: number): void {
    const needed = this.#batchBytes + bytes;
    if (needed > this.#batch.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#batch.length * 2));
      this.#batch.copy(larger, 0, 0, this.#batchBytes);
      this.#batch = larger;
    }
  }

  #takeBack(fd: number, active: Segment, waiting: readonly Waiting[]): void {
    try {
      this.#files.ftruncateSync(fd, active.bytes);
    } catch {
      // What the failed write left behind cannot be removed, so nothing may be written after it.
      this.#broken = true;
    }
    this.#nextSeq = this.#writtenSeq + 1;
    this.#options.onFailed?.();
    for (const { done } of waiting) {
      done("full");
    }
  }

  #report(fd: number, waiting: readonly Waiting[]): void {
    const synced = waiting.filter((entry) => entry.durability === "Synced");
    if (synced.length > 0) {
      this.#syncDirectory();
      this.#sync.request(
        fd,
        synced.map((entry) => (succeeded: boolean) => entry.done(succeeded ? "written" : "full")),
      );
    }
    for (const entry of waiting) {
      if (entry.durability === "Written") {
        entry.done("written");
      }
    }
  }

  /** A file's name is in its directory, which is flushed on its own (fsync(2)); once a segment is enough. */
  #syncDirectory(): void {
    if (this.#directorySynced) {
      return;
    }
    const fd = this.#files.openSync(this.#options.directory, "r");
    try {
      this.#files.fsyncSync(fd);
      this.#directorySynced = true;
    } finally {
      this.#files.closeSync(fd);
    }
  }

  #dropAcknowledged(): void {
    for (;;) {
      const [oldest, next] = this.#segments;
      if (oldest === undefined || next === undefined || next.firstSeq > this.#acknowledged + 1) {
        return;
      }
      this.#files.rmSync(oldest.path, { force: true });
      this.#segments.shift();
      this.#totalBytes -= oldest.bytes;
    }
  }
}
