import { basename } from "node:path";
import type { SpoolFiles } from "./files.ts";
import { frameAt, frameHeaderBytes, putFrame, scanFrames } from "./frame.ts";

/** First bytes of every segment file: name and version of the format. */
const magic = Buffer.from("SPSPOOL1", "latin1");
const fileName = /^records-(\d{16})\.spool$/;

/** One file of the spool. Records are numbered on from `firstSeq`; the next segment's `firstSeq` is one past the last. */
export interface Segment {
  readonly path: string;
  readonly firstSeq: number;
  /** Where the records start: after the magic and the frame of the header. */
  readonly recordsAt: number;
  /** Size of the valid part. */
  bytes: number;
  /** Sequence number of each record, where damage has left holes so that counting from `firstSeq` would be wrong. */
  readonly seqs?: readonly number[];
}

/** What a segment file holds. */
export interface SegmentContent {
  readonly segment: Segment;
  /** What `createSegment` was given: the state before the first record. */
  readonly header: Buffer;
  readonly payloads: readonly Buffer[];
  /** See `Scan`. */
  readonly damagedBytes: readonly number[];
  readonly tornBytes: number;
}

/** Segment files of a directory, oldest first. */
export function listSegments(files: SpoolFiles, directory: string): { path: string; firstSeq: number }[] {
  return files
    .readdirSync(directory)
    .flatMap((name) => {
      const digits = fileName.exec(name)?.[1];
      return digits === undefined ? [] : [{ path: `${directory}/${name}`, firstSeq: Number(digits) }];
    })
    .sort((a, b) => a.firstSeq - b.firstSeq);
}

/**
 * Makes a new segment whose first record will be `firstSeq`, and returns it with its descriptor, open for appending. It
 * appears under its name only when its header is whole. Throws what the file system throws, and leaves nothing then.
 */
export function createSegment(
  files: SpoolFiles,
  directory: string,
  firstSeq: number,
  header: Uint8Array,
): { segment: Segment; fd: number } {
  const recordsAt = magic.length + frameHeaderBytes + header.byteLength;
  const start = Buffer.alloc(recordsAt);
  magic.copy(start);
  putFrame(start, magic.length, header);
  const temporary = `${directory}/new-segment`;
  const path = `${directory}/records-${String(firstSeq).padStart(16, "0")}.spool`;
  const fd = files.openSync(temporary, "w", 0o600);
  try {
    writeAll(files, fd, start, 0);
    files.renameSync(temporary, path);
  } catch (error) {
    files.closeSync(fd);
    throw error;
  }
  return { segment: { path, firstSeq, recordsAt, bytes: recordsAt }, fd };
}

/** Reads a whole segment. Returns undefined when its start is not intact. */
export function readSegment(
  files: SpoolFiles,
  path: string,
  firstSeq: number,
  payloadBytesMax: number,
): SegmentContent | undefined {
  const bytes = files.readFileSync(path);
  // A header holds the state of all open sessions and may be larger than any record.
  const header = bytes.subarray(0, magic.length).equals(magic) ? frameAt(bytes, magic.length, bytes.length) : undefined;
  if (header === undefined) {
    return undefined;
  }
  const recordsAt = magic.length + frameHeaderBytes + header.length;
  const scan = scanFrames(bytes, recordsAt, payloadBytesMax);
  return {
    segment: { path, firstSeq, recordsAt, bytes: scan.end },
    header,
    payloads: scan.payloads,
    damagedBytes: scan.damagedBytes,
    tornBytes: bytes.length - scan.end,
  };
}

/** Writes all of `bytes` at `position`; a short write is continued. Throws when the device takes no more. */
export function writeAll(files: SpoolFiles, fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.byteLength;) {
    const written = files.writeSync(fd, bytes, done, bytes.byteLength - done, position + done);
    if (written === 0) {
      throw new Error("the device takes no more bytes");
    }
    done += written;
  }
}

/** Name for a segment that cannot be read, under which it is kept for a person to look at. */
export function damagedName(path: string): string {
  return `${path.slice(0, -basename(path).length)}damaged-${basename(path)}`;
}
