import { constants } from "node:fs";
import type { SpoolFiles } from "./files.ts";
import { writeAll, type Segment } from "./segment.ts";
import type { SegmentWrite } from "./segment-files.ts";

/**
 * Bytes that were written and not flushed are remembered up to this many, so that the next flush can write them again with its own:
 * one call then brings everything before it to the device. Some 400 ends of statements.
 */
const tailBytesMax = 64 * 1024;

/** The segment that is written to. */
export class ActiveSegment {
  readonly segment: Segment;
  readonly fd: number;
  readonly #files: SpoolFiles;
  /** Opened with O_DSYNC (open(2)): a write returns when its bytes are on the device. */
  #syncedFd: number | undefined;
  readonly #tail = Buffer.allocUnsafeSlow(tailBytesMax);
  /** Bytes of the file's end that are in `#tail` and may not be on the device; undefined where more may not be. */
  #tailBytes: number | undefined;

  /** `isFlushed`: all of the file is on the device. */
  constructor(files: SpoolFiles, segment: Segment, fd: number, isFlushed: boolean) {
    this.#files = files;
    this.segment = segment;
    this.fd = fd;
    this.#tailBytes = isFlushed ? 0 : undefined;
  }

  /** Writes to the operating system. Where it is not `written`, the caller cuts the file back. */
  write(bytes: Buffer): SegmentWrite {
    try {
      writeAll(this.#files, this.fd, bytes, this.segment.bytes);
    } catch {
      return "full";
    }
    this.segment.bytes += bytes.length;
    const before = this.#tailBytes;
    if (before === undefined || before + bytes.length > tailBytesMax) {
      this.#tailBytes = undefined;
    } else {
      bytes.copy(this.#tail, before);
      this.#tailBytes = before + bytes.length;
    }
    return "written";
  }

  /** Writes to the device, with all that was written before, and waits for it. As `write`. */
  writeSynced(bytes: Buffer): SegmentWrite {
    const before = this.#tailBytes;
    try {
      if (before === undefined) {
        writeAll(this.#files, this.fd, bytes, this.segment.bytes);
        this.#files.fdatasyncSync(this.fd);
      } else {
        this.#syncedFd ??= this.#files.openSync(this.segment.path, constants.O_WRONLY | constants.O_DSYNC);
        const parts = before === 0 ? [bytes] : [this.#tail.subarray(0, before), bytes];
        const written = this.#files.writevSync(this.#syncedFd, parts, this.segment.bytes - before);
        if (written < before + bytes.length) {
          // The rest says why: it is written, or it throws.
          writeAll(
            this.#files,
            this.fd,
            bytes.subarray(Math.max(0, written - before)),
            this.segment.bytes + Math.max(0, written - before),
          );
          this.#files.fdatasyncSync(this.fd);
        }
      }
    } catch (error) {
      this.#tailBytes = undefined;
      return isFull(error) ? "full" : "failed";
    }
    this.segment.bytes += bytes.length;
    this.#tailBytes = 0;
    return "written";
  }

  /** A flush elsewhere makes what is remembered unneeded, but nothing tells when: the next one here covers the whole file. */
  flushedElsewhere(): void {
    this.#tailBytes = undefined;
  }

  /** Gives the second descriptor back; `fd` is the caller's. */
  close(): void {
    if (this.#syncedFd !== undefined) {
      this.#files.closeSync(this.#syncedFd);
      this.#syncedFd = undefined;
    }
  }
}

/** No room on the device or in the quota (errno(3)): the pages that were written before are not harmed. */
function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}
