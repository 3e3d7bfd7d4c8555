import { ChainLinker, type ChainState } from "../chain.ts";
import { tryDecodeEntry, type Entry } from "../entry/decode.ts";
import type { SpoolFiles } from "../spool/files.ts";
import type { FrameEntries } from "../spool/frame.ts";
import type { Segment } from "../spool/segment.ts";
import { SegmentReader } from "./reader.ts";

/** What linking starts from. Plain data: it is handed to a thread. */
export interface LinkingOptions {
  readonly proxy: string;
  readonly task: string;
  /** State before the first entry of the oldest segment. */
  readonly start: ChainState;
}

/** Asks for the records after `after`, of together at most `bytesMax` bytes, and one in any case where there is one. */
export interface LinkRequest {
  readonly after: number;
  readonly bytesMax: number;
  /** All segments of the spool, oldest first. */
  readonly segments: readonly Segment[];
}

/** Where the chains stood when a segment began: what is needed before the segments before it may be given back. */
export interface Boundary {
  readonly firstSeq: number;
  readonly state: ChainState;
}

/** Records in order. */
export interface LinkedBatch {
  /** For each record its 32-bit big-endian length and its bytes, as the link carries them. Empty when there is none. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly count: number;
  /** Number of the last one; `after` of the request when there is none. */
  readonly lastSeq: number;
  /** Boundaries that were passed. */
  readonly boundaries: readonly Boundary[];
}

/** First size of a batch's buffer: most batches of a quiet proxy are smaller. */
const firstBytes = 64 * 1024;

/**
 * Turns the spool's entries into records, on demand. Remembers where it is: going on costs no search, going back begins again
 * at the start of a segment, whose state it has kept. Runs in a thread of its own, and in tests where they run.
 */
export class Linking {
  readonly #proxy: string;
  readonly #task: string;
  readonly #files: SpoolFiles | undefined;
  /** States at the beginning of segments, by first number, oldest first. */
  readonly #states: Boundary[];
  #linker: ChainLinker;
  #reader: SegmentReader | undefined;
  #entries: FrameEntries | undefined;

  constructor(options: LinkingOptions, files?: SpoolFiles) {
    this.#proxy = options.proxy;
    this.#task = options.task;
    this.#files = files;
    this.#states = [{ firstSeq: options.start.seq + 1, state: options.start }];
    this.#linker = new ChainLinker(options.proxy, options.task, options.start);
  }

  /** Throws when a segment cannot be read; the next call begins again. */
  next(request: LinkRequest): LinkedBatch {
    try {
      return this.#link(request);
    } catch (error) {
      this.#goTo(0);
      throw error;
    }
  }

  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
    this.#entries = undefined;
  }

  #link({ after, bytesMax, segments }: LinkRequest): LinkedBatch {
    if (this.#linker.seq > after) {
      this.#goTo(after);
    }
    this.#forget(segments[0]?.firstSeq ?? 0);
    const boundaries: Boundary[] = [];
    let bytes: Buffer = Buffer.allocUnsafeSlow(firstBytes);
    let used = 0;
    let count = 0;
    let lastSeq = after;
    for (const segment of segments) {
      if (!this.#enter(segment, boundaries)) {
        continue;
      }
      while (count === 0 || used < bytesMax) {
        const entry = this.#nextEntry(segment);
        if (entry === undefined) {
          break;
        }
        const record = this.#linker.link(entry.body, entry.time, entry.seq);
        if (entry.seq <= after) {
          continue;
        }
        bytes = withRoom(bytes, used, 4 + record.length);
        bytes.writeUInt32BE(record.length, used);
        record.copy(bytes, used + 4);
        used += 4 + record.length;
        count += 1;
        lastSeq = entry.seq;
      }
      if (count > 0 && used >= bytesMax) {
        break;
      }
    }
    return { bytes: new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, used), count, lastSeq, boundaries };
  }

  /** Goes on with `segment`; false when it lies behind. A boundary is passed when its state was not known yet. */
  #enter(segment: Segment, boundaries: Boundary[]): boolean {
    if (this.#reader?.path === segment.path) {
      return true;
    }
    const current = this.#states.findLast(({ firstSeq }) => firstSeq <= this.#linker.seq + 1);
    if (segment.firstSeq < (current?.firstSeq ?? 0)) {
      return false;
    }
    this.close();
    this.#reader = new SegmentReader(segment.path, this.#files);
    if (!this.#states.some(({ firstSeq }) => firstSeq === segment.firstSeq)) {
      const { firstSeq } = segment;
      const boundary = { firstSeq, state: { ...this.#linker.state(), seq: firstSeq - 1 } };
      this.#states.push(boundary);
      boundaries.push(boundary);
    }
    return true;
  }

  /** An entry that cannot be read although its frame is intact is passed over: its number is missing then. */
  #nextEntry(segment: Segment): (Entry & { readonly seq: number }) | undefined {
    for (;;) {
      const seq = this.#entries?.seq ?? 0;
      const bytes = this.#entries?.next();
      if (bytes !== undefined) {
        const entry = tryDecodeEntry(bytes);
        if (entry === undefined) {
          continue;
        }
        return { body: entry.body, time: entry.time, seq };
      }
      this.#entries = this.#reader?.next(segment);
      if (this.#entries === undefined) {
        return undefined;
      }
    }
  }

  /** States before the oldest segment are not needed again, but for the last of them. */
  #forget(oldestSeq: number): void {
    while (this.#states[1] !== undefined && this.#states[1].firstSeq <= oldestSeq) {
      this.#states.shift();
    }
  }

  /** Back to the newest known state before the record after `seq`. */
  #goTo(seq: number): void {
    this.close();
    const back = this.#states.findLast(({ firstSeq }) => firstSeq <= seq + 1) ?? this.#states[0];
    if (back !== undefined) {
      this.#linker = new ChainLinker(this.#proxy, this.#task, back.state);
      this.#states.splice(this.#states.indexOf(back) + 1);
    }
  }
}

function withRoom(bytes: Buffer, used: number, more: number): Buffer {
  if (used + more <= bytes.length) {
    return bytes;
  }
  const larger = Buffer.allocUnsafeSlow(Math.max(used + more, bytes.length * 2));
  bytes.copy(larger, 0, 0, used);
  return larger;
}
