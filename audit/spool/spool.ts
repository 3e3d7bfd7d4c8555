import { loadAcknowledged, saveAcknowledged } from "./acknowledged.ts";
import { Batch } from "./batch.ts";
import { systemFiles, type SpoolFiles } from "./files.ts";
import { GroupSync } from "./group-sync.ts";
import { checkSpoolLimits, type SpoolLimits } from "./limits.ts";
import { lockDirectory, type DirectoryLock } from "./lock.ts";
import { recoverSpool, type RecoveredSpool, type Recovery } from "./recovery.ts";
import { createSegment, segmentMagic, writeAll, type Segment, type Visit } from "./segment.ts";

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
  readonly #segments: Segment[];
  #fd: number | undefined;
  #written: Done[] = [];
  #synced: Done[] = [];
  #flushing: NodeJS.Immediate | undefined;
  readonly #flush = (): void => this.flush();
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

  /** Bytes in use, those of the current turn included. */
  get usedBytes(): number {
    return this.#totalBytes + this.batch.end;
  }

  /** Segments in order, whose first `bytes` bytes are valid and stay as they are. */
  get segments(): readonly Segment[] {
    return this.#segments;
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
    const failed = this.#broken || (durability === "Synced" && this.#sync.failed);
    const startBytes = this.#wantsSegment() ? segmentMagic.length : 0;
    if (failed || this.#totalBytes + startBytes + entryEnd > allowed) {
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
    const active = this.#activeSegment();
    if (active === undefined || !this.#write(active, bytes)) {
      this.#takeBack([...written, ...synced]);
      return;
    }
    active.bytes += bytes.length;
    this.#totalBytes += bytes.length;
    this.#writtenSeq = this.#nextSeq - 1;
    this.batch.reset();
    this.#options.onWritten?.(this.#writtenSeq);
    if (synced.length > 0) {
      this.#requestSync(synced);
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
      saveAcknowledged(this.#files, this.#options.directory, reached);
      this.giveBack();
    }
  }

  /** First number of the newest segment before which everything is acknowledged; that of the oldest one where none is. */
  get acknowledgedBoundary(): number {
    const reached = this.#segments.findLast(({ firstSeq }) => firstSeq <= this.#acknowledged + 1);
    return reached?.firstSeq ?? this.#segments[0]?.firstSeq ?? 1;
  }

  /** Gives back the room of segments that are acknowledged and not needed any more. */
  giveBack(): void {
    const bound = Math.min(this.#acknowledged + 1, this.#options.neededFrom?.() ?? Infinity);
    for (;;) {
      const [oldest, next] = this.#segments;
      if (oldest === undefined || next === undefined || next.firstSeq > bound) {
        return;
      }
      this.#files.rmSync(oldest.path, { force: true });
      this.#segments.shift();
      this.#totalBytes -= oldest.bytes;
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

  #wantsSegment(): boolean {
    const active = this.#segments.at(-1);
    return this.#fd === undefined || active === undefined || active.bytes >= this.#options.limits.segmentBytes;
  }

  /** The segment to write to; a new one where the last is full. Undefined when the device gives none. */
  #activeSegment(): Segment | undefined {
    if (!this.#wantsSegment()) {
      return this.#segments.at(-1);
    }
    try {
      const { segment, fd } = createSegment(this.#files, this.#options.directory, this.#writtenSeq + 1);
      if (this.#fd !== undefined) {
        this.#sync.retire(this.#fd);
      }
      this.#fd = fd;
      this.#directorySynced = false;
      this.#segments.push(segment);
      this.#totalBytes += segment.bytes;
      this.giveBack();
      return segment;
    } catch {
      return undefined;
    }
  }

  #write(active: Segment, bytes: Buffer): boolean {
    if (this.#fd === undefined) {
      return false;
    }
    try {
      writeAll(this.#files, this.#fd, bytes, active.bytes);
      return true;
    } catch {
      this.#cutBack(this.#fd, active.bytes);
      return false;
    }
  }

  #cutBack(fd: number, bytes: number): void {
    try {
      this.#files.ftruncateSync(fd, bytes);
    } catch {
      // What the failed write left behind cannot be removed, so nothing may be written after it.
      this.#broken = true;
    }
  }

  #takeBack(waiting: readonly Done[]): void {
    this.batch.reset();
    this.#nextSeq = this.#writtenSeq + 1;
    this.#options.onFailed?.();
    for (const done of waiting) {
      done("full");
    }
  }

  #requestSync(synced: readonly Done[]): void {
    if (this.#fd === undefined) {
      return;
    }
    this.#syncDirectory();
    this.#sync.request(
      this.#fd,
      synced.map((done) => (succeeded: boolean) => done(succeeded ? "written" : "full")),
    );
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
}
