import { ActiveSegment } from "./active-segment.ts";
import type { SpoolFiles } from "./files.ts";
import type { SpoolLimits } from "./limits.ts";
import { createSegment, deviceBytes, segmentMagic, type Segment } from "./segment.ts";
import { SpareSegment } from "./spare.ts";

/** What `SegmentFiles` starts from: what recovery has found. */
export interface SegmentFilesOptions {
  readonly files: SpoolFiles;
  readonly directory: string;
  readonly limits: SpoolLimits;
  readonly segments: readonly Segment[];
  /** Whether the newest of them is written on. */
  readonly appendable: boolean;
  /** Whether it ends with a torn write, which is cut off then. */
  readonly isTorn: boolean;
  /** `fd` gets no more bytes: whoever uses it closes it. */
  readonly retire: (fd: number) => void;
}

/**
 * What became of a write. `full`: nothing of it is kept. `failed`: as `full`, and nobody can say what else the device has lost.
 */
export type SegmentWrite = "written" | "full" | "failed";

/** The spool's files: which there are, what they take, and the one that is written to. */
export class SegmentFiles {
  readonly #options: SegmentFilesOptions;
  readonly #files: SpoolFiles;
  readonly #segments: Segment[];
  readonly #spare: SpareSegment;
  #active: ActiveSegment | undefined;
  #totalBytes: number;
  #isBroken = false;
  #isDirectoryFlushed = false;

  constructor(options: SegmentFilesOptions) {
    const { files } = options;
    this.#options = options;
    this.#files = files;
    this.#segments = [...options.segments];
    this.#spare = new SpareSegment(files, options.directory, options.limits.segmentBytes);
    const last = this.#segments.at(-1);
    if (options.appendable && last !== undefined) {
      const fd = files.openSync(last.path, "r+");
      if (options.isTorn) {
        files.ftruncateSync(fd, last.bytes);
        last.readyBytes = 0;
      }
      this.#active = new ActiveSegment(files, last, fd, false);
    }
    this.#totalBytes = this.#segments.reduce((sum, segment) => sum + deviceBytes(segment), 0);
  }

  /** Oldest first. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** A failed write could not be taken back, so nothing may be written after it; or closed. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Descriptor of the segment that is written to. */
  get activeFd(): number | undefined {
    return this.#active?.fd;
  }

  /** Bytes on the device once a batch of `bytes` is written; room that was made ahead is there already. */
  bytesWith(bytes: number): number {
    const now = this.#totalBytes + this.#spare.bytes;
    if (bytes === 0) {
      return now;
    }
    const active = this.#active?.segment;
    if (active === undefined || this.#wantsSegment()) {
      return now + Math.max(0, segmentMagic.length + bytes - this.#spare.readyBytes);
    }
    return now + Math.max(0, active.bytes + bytes - deviceBytes(active));
  }

  /** Writes a batch whose first entry is `firstSeq`. `isSynced`: to the device, with all that was written before. */
  write(bytes: Buffer, firstSeq: number, isSynced: boolean): SegmentWrite {
    let result: SegmentWrite = "full";
    try {
      const active = this.#segmentFor(firstSeq);
      const before = deviceBytes(active.segment);
      result = isSynced ? active.writeSynced(bytes) : active.write(bytes);
      this.#totalBytes += deviceBytes(active.segment) - before;
    } catch {
      // The device gives no new segment.
    }
    if (result !== "written") {
      this.#cutBack();
    }
    return result;
  }

  /** A flush of the active file is asked for elsewhere. */
  flushedElsewhere(): void {
    this.#active?.flushedElsewhere();
  }

  /**
   * Flushes the name of the active segment, which is in its directory (fsync(2)); once a segment is enough. False when the device
   * fails.
   */
  flushName(): boolean {
    if (this.#isDirectoryFlushed) {
      return true;
    }
    try {
      const fd = this.#files.openSync(this.#options.directory, "r");
      try {
        this.#files.fsyncSync(fd);
        this.#isDirectoryFlushed = true;
      } finally {
        this.#files.closeSync(fd);
      }
    } catch {
      // Told by the result.
    }
    return this.#isDirectoryFlushed;
  }

  /** Makes the next segment ready, where the limit leaves room for it: whoever flushes once will flush again. */
  prepareNext(): void {
    const { totalBytesMax, reserveBytes, segmentBytes } = this.#options.limits;
    if (this.#spare.bytes === 0 && this.bytesWith(0) + 2 * segmentBytes <= totalBytesMax - reserveBytes) {
      this.#spare.prepare();
    }
  }

  /** Gives back segments whose entries are all below `seq`, but never the newest. */
  giveBack(seq: number): void {
    for (;;) {
      const [oldest, next] = this.#segments;
      if (oldest === undefined || next === undefined || next.firstSeq > seq) {
        return;
      }
      this.#files.rmSync(oldest.path, { force: true });
      this.#segments.shift();
      this.#totalBytes -= deviceBytes(oldest);
    }
  }

  /** Nothing is written from then on. */
  close(): void {
    this.#isBroken = true;
    this.#retire();
    this.#spare.drop();
  }

  #wantsSegment(): boolean {
    return this.#active === undefined || this.#active.segment.bytes >= this.#options.limits.segmentBytes;
  }

  /** The segment to write to; a new one where the last is full. Throws when the device gives none. */
  #segmentFor(firstSeq: number): ActiveSegment {
    if (this.#active !== undefined && !this.#wantsSegment()) {
      return this.#active;
    }
    const bytes = this.#spare.readyBytes;
    const path = this.#spare.take();
    const spare = path === undefined ? undefined : { path, bytes };
    const { segment, fd } = createSegment(this.#files, this.#options.directory, firstSeq, spare);
    this.#retire();
    this.#active = new ActiveSegment(this.#files, segment, fd, spare !== undefined);
    this.#isDirectoryFlushed = false;
    this.#segments.push(segment);
    this.#totalBytes += deviceBytes(segment);
    return this.#active;
  }

  #retire(): void {
    const active = this.#active;
    if (active !== undefined) {
      this.#active = undefined;
      active.close();
      this.#options.retire(active.fd);
    }
  }

  #cutBack(): void {
    const active = this.#active;
    if (active === undefined) {
      return;
    }
    try {
      this.#files.ftruncateSync(active.fd, active.segment.bytes);
      this.#totalBytes -= deviceBytes(active.segment) - active.segment.bytes;
      active.segment.readyBytes = 0;
    } catch {
      this.#isBroken = true;
    }
  }
}
