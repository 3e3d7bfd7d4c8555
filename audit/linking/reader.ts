import { systemFiles, type SpoolFiles } from "../spool/files.ts";
import { findFrame, frameBytesAt, FrameEntries, frameAt, frameHeaderBytes, frameStartBytes } from "../spool/frame.ts";
import { segmentMagic, type Segment } from "../spool/segment.ts";

/** Bytes read at a time: 1/8 of a segment, and more than all frames but those of one huge entry. */
const chunkBytes = 1024 * 1024;

/** Reads the frames of one segment in order, while the segment grows. */
export class SegmentReader {
  readonly path: string;
  readonly #files: SpoolFiles;
  readonly #fd: number;
  #offset: number = segmentMagic.length;
  #chunk: Buffer = Buffer.alloc(0);
  /** Where `#chunk` begins in the file. */
  #chunkAt = 0;

  /** Throws what the file system throws. */
  constructor(path: string, files: SpoolFiles = systemFiles) {
    this.path = path;
    this.#files = files;
    this.#fd = files.openSync(path, "r");
  }

  /**
   * The entries of the next frame that begins before `segment.bytes`; bytes after that are not looked at. Damage is passed over:
   * the entries' numbers show it. Undefined at the end. Throws when the file cannot be read.
   */
  next(segment: Segment): FrameEntries | undefined {
    if (this.#offset >= segment.bytes) {
      return undefined;
    }
    const header = this.#at(this.#offset, frameStartBytes, segment.bytes);
    const length = frameBytesAt(header, 0);
    const payload = frameAt(this.#at(this.#offset, length, segment.bytes), 0);
    if (payload !== undefined) {
      this.#offset += frameHeaderBytes + payload.length;
      return new FrameEntries(payload);
    }
    const rest = this.#at(this.#offset, segment.bytes - this.#offset, segment.bytes);
    const found = findFrame(rest, 0, rest.length);
    this.#offset =
      found === undefined ? segment.bytes : this.#offset + found.at + frameHeaderBytes + found.payload.length;
    return found === undefined ? undefined : new FrameEntries(found.payload);
  }

  close(): void {
    this.#files.closeSync(this.#fd);
  }

  /** Bytes of the file from `from` on: at least `count` where there are so many before `end`. */
  #at(from: number, count: number, end: number): Buffer {
    const have = this.#chunkAt + this.#chunk.length - from;
    const wanted = Math.min(count, end - from);
    if (from < this.#chunkAt || have < wanted) {
      this.#chunk = this.#load(from, Math.min(Math.max(chunkBytes, wanted), end - from));
      this.#chunkAt = from;
    }
    return this.#chunk.subarray(from - this.#chunkAt);
  }

  #load(from: number, count: number): Buffer {
    const chunk = Buffer.allocUnsafeSlow(count);
    let done = 0;
    while (done < count) {
      const read = this.#files.readSync(this.#fd, chunk, done, count - done, from + done);
      if (read === 0) {
        break;
      }
      done += read;
    }
    return chunk.subarray(0, done);
  }
}
