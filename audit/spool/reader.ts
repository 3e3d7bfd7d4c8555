import type { SpoolFiles } from "./files.ts";
import { frameAt, frameHeaderBytes, scanFrames } from "./frame.ts";
import type { Segment } from "./segment.ts";

/** A record as it is shipped. */
export interface SpooledRecord {
  readonly seq: number;
  readonly bytes: Buffer;
}

/** Where the record after the last one that was read starts. */
interface Position {
  readonly path: string;
  readonly seq: number;
  readonly offset: number;
}

/** Reads records back in order. Remembers where it was, so that reading on costs no search. */
export class SpoolReader {
  readonly #files: SpoolFiles;
  readonly #recordBytesMax: number;
  #next: Position | undefined;

  constructor(files: SpoolFiles, recordBytesMax: number) {
    this.#files = files;
    this.#recordBytesMax = recordBytesMax;
  }

  /**
   * Records of `segment` from `fromSeq` on, of together at most `bytesMax`, and one in any case where there is one. Bytes
   * after `segment.bytes` are not looked at. Throws when the file cannot be read.
   */
  read(segment: Segment, fromSeq: number, bytesMax: number): SpooledRecord[] {
    const fd = this.#files.openSync(segment.path, "r");
    try {
      return segment.seqs === undefined
        ? this.#readOn(fd, segment, fromSeq, bytesMax)
        : readIrregular(this.#load(fd, segment.recordsAt, segment.bytes), segment.seqs, fromSeq, this.#recordBytesMax);
    } finally {
      this.#files.closeSync(fd);
    }
  }

  #readOn(fd: number, segment: Segment, fromSeq: number, bytesMax: number): SpooledRecord[] {
    let { seq, offset } = this.#positionOf(fd, segment, fromSeq);
    let chunk = this.#load(fd, offset, Math.min(segment.bytes, offset + bytesMax + frameHeaderBytes));
    if (chunk.length >= frameHeaderBytes && frameHeaderBytes + chunk.readUInt32LE(0) > chunk.length) {
      chunk = this.#load(fd, offset, Math.min(segment.bytes, offset + frameHeaderBytes + chunk.readUInt32LE(0)));
    }
    const records: SpooledRecord[] = [];
    let taken = 0;
    for (let at = 0; ;) {
      const bytes = frameAt(chunk, at, this.#recordBytesMax);
      if (bytes === undefined || (records.length > 0 && taken + bytes.length > bytesMax)) {
        break;
      }
      records.push({ seq, bytes });
      taken += bytes.length;
      at += frameHeaderBytes + bytes.length;
      offset += frameHeaderBytes + bytes.length;
      seq += 1;
    }
    this.#next = { path: segment.path, seq, offset };
    return records;
  }

  #positionOf(fd: number, segment: Segment, fromSeq: number): { seq: number; offset: number } {
    if (this.#next?.path === segment.path && this.#next.seq === fromSeq) {
      return this.#next;
    }
    const records = scanFrames(this.#load(fd, segment.recordsAt, segment.bytes), 0, this.#recordBytesMax).payloads;
    const skipped = records.slice(0, Math.max(0, fromSeq - segment.firstSeq));
    return {
      seq: segment.firstSeq + skipped.length,
      offset: skipped.reduce((offset, record) => offset + frameHeaderBytes + record.length, segment.recordsAt),
    };
  }

  #load(fd: number, from: number, to: number): Buffer {
    const chunk = Buffer.alloc(Math.max(0, to - from));
    let done = 0;
    while (done < chunk.length) {
      const count = this.#files.readSync(fd, chunk, done, chunk.length - done, from + done);
      if (count === 0) {
        break;
      }
      done += count;
    }
    return chunk.subarray(0, done);
  }
}

/** A damaged segment is read whole: rare, and at most a segment's size. */
function readIrregular(
  bytes: Buffer,
  seqs: readonly number[],
  fromSeq: number,
  recordBytesMax: number,
): SpooledRecord[] {
  const payloads = scanFrames(bytes, 0, recordBytesMax).payloads;
  return payloads
    .map((payload, index) => ({ seq: seqs[index] ?? 0, bytes: payload }))
    .filter((record) => record.seq >= fromSeq);
}
