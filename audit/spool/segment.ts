import { basename } from "node:path";
import type { SpoolFiles } from "./files.ts";
import { findFrame, FrameEntries, frameHeaderBytes, lastNonZero } from "./frame.ts";

/** First bytes of every segment file: name and version of the format. */
export const segmentMagic = Buffer.from("SPSPOOL2", "latin1");
const fileName = /^records-(\d{16})\.spool$/;

/** One file of the spool: the magic, then frames. Entries are numbered on from `firstSeq`. */
export interface Segment {
  readonly path: string;
  readonly firstSeq: number;
  /** Size of the valid part. */
  bytes: number;
  /** Size of the file where it was made ahead of its time, at least `bytes` unless it has grown since; otherwise 0. */
  readyBytes: number;
}

/** Bytes that a segment takes on the device. */
export function deviceBytes(segment: Segment): number {
  return Math.max(segment.bytes, segment.readyBytes);
}

/** What a segment file holds. */
export interface SegmentContent {
  readonly segment: Segment;
  /** Number after its last entry; its `firstSeq` when it has none. */
  readonly endSeq: number;
  /** Stretches inside it that hold no frame, or lead to a number that does not follow on. */
  readonly holes: number;
  /** Bytes of those stretches. */
  readonly damagedBytes: number;
  /** Bytes after the last frame that are not all zeros. */
  readonly tornBytes: number;
}

/** Called with each entry and its number, in order. The bytes are good until it returns. */
export type Visit = (entry: Buffer, seq: number) => void;

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

/** Where the segment that begins with `firstSeq` lies. */
export function segmentPath(directory: string, firstSeq: number): string {
  return `${directory}/records-${String(firstSeq).padStart(16, "0")}.spool`;
}

/**
 * Makes a new segment whose first entry will be `firstSeq`, and returns it with its descriptor, open for writing. It appears
 * under its name only when its start is whole. `spare`: a file of `spare.bytes` zeros to make it of. Throws what the file system
 * throws, and leaves no segment then.
 */
export function createSegment(
  files: SpoolFiles,
  directory: string,
  firstSeq: number,
  spare: { readonly path: string; readonly bytes: number } | undefined,
): { segment: Segment; fd: number } {
  const temporary = spare?.path ?? `${directory}/new-segment`;
  const path = segmentPath(directory, firstSeq);
  const fd = files.openSync(temporary, spare === undefined ? "w" : "r+", 0o600);
  try {
    writeAll(files, fd, segmentMagic, 0);
    files.renameSync(temporary, path);
  } catch (error) {
    files.closeSync(fd);
    throw error;
  }
  return { segment: { path, firstSeq, bytes: segmentMagic.length, readyBytes: spare?.bytes ?? 0 }, fd };
}

/** Reads a whole segment and shows each entry to `visit`. Returns undefined when its start is not intact. */
export function readSegment(
  files: SpoolFiles,
  path: string,
  firstSeq: number,
  visit: Visit,
): SegmentContent | undefined {
  const bytes = files.readFileSync(path);
  if (!bytes.subarray(0, segmentMagic.length).equals(segmentMagic)) {
    return undefined;
  }
  let end = segmentMagic.length;
  let endSeq = firstSeq;
  let holes = 0;
  let damagedBytes = 0;
  const usedBytes = lastNonZero(bytes, end);
  for (;;) {
    const frame = findFrame(bytes, end, usedBytes);
    if (frame === undefined) {
      break;
    }
    const entries = new FrameEntries(frame.payload);
    if (frame.at > end || entries.seq !== endSeq) {
      holes += 1;
      damagedBytes += frame.at - end;
    }
    for (let seq = entries.seq, entry = entries.next(); entry !== undefined; seq += 1, entry = entries.next()) {
      visit(entry, seq);
    }
    endSeq = entries.seq;
    end = frame.at + frameHeaderBytes + frame.payload.length;
  }
  const tornBytes = Math.max(0, usedBytes - end);
  return { segment: { path, firstSeq, bytes: end, readyBytes: bytes.length }, endSeq, holes, damagedBytes, tornBytes };
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
