import { checksum } from "./checksum.ts";

/**
 * A frame on disk, little-endian: 32-bit length of the payload, 32-bit CRC-32 of the payload, the payload. The payload is
 * the sequence number of its first entry (64-bit float) and then its entries, numbered on, each with a 32-bit length before
 * it. One frame is what one turn of the event loop wrote, so that one checksum serves many entries. A length of 0 is no
 * frame, so that a run of zeros, of preallocation or of a power loss, is none.
 */
export const frameHeaderBytes = 8;
/** Header and first sequence number. */
export const frameStartBytes = frameHeaderBytes + 8;
/** Before each entry. */
export const entryHeaderBytes = 4;

/** Writes header and first sequence number of the frame whose entries lie in `target` from `start + frameStartBytes` to `end`. */
export function sealFrame(target: Buffer, start: number, end: number, firstSeq: number): void {
  target.writeDoubleLE(firstSeq, start + frameHeaderBytes);
  target.writeUInt32LE(end - start - frameHeaderBytes, start);
  target.writeUInt32LE(checksum(target, start + frameHeaderBytes, end), start + 4);
}

/** Payload of the frame at `offset`, a view into `bytes`; undefined when no whole and intact frame starts there. */
export function frameAt(bytes: Buffer, offset: number): Buffer | undefined {
  const start = offset + frameHeaderBytes;
  if (offset + frameStartBytes > bytes.length) {
    return undefined;
  }
  const length = bytes.readUInt32LE(offset);
  if (length < frameStartBytes - frameHeaderBytes || start + length > bytes.length) {
    return undefined;
  }
  return checksum(bytes, start, start + length) === bytes.readUInt32LE(offset + 4)
    ? bytes.subarray(start, start + length)
    : undefined;
}

/** Bytes that the frame at `offset` says it takes, header included; 0 where its header is not there or says nothing. */
export function frameBytesAt(bytes: Buffer, offset: number): number {
  if (offset + frameHeaderBytes > bytes.length) {
    return 0;
  }
  const length = bytes.readUInt32LE(offset);
  return length === 0 ? 0 : frameHeaderBytes + length;
}

/** Goes over the entries of a frame's payload, which is intact. */
export class FrameEntries {
  /** Sequence number of the entry that `next` gives. */
  seq: number;
  readonly #payload: Buffer;
  #at = frameStartBytes - frameHeaderBytes;

  constructor(payload: Buffer) {
    this.#payload = payload;
    this.seq = payload.readDoubleLE(0);
  }

  /** The next entry, a view; undefined after the last. `seq` then is the number that follows the frame. */
  next(): Buffer | undefined {
    const start = this.#at + entryHeaderBytes;
    if (start > this.#payload.length) {
      return undefined;
    }
    const end = start + this.#payload.readUInt32LE(this.#at);
    this.#at = end;
    this.seq += 1;
    return this.#payload.subarray(start, end);
  }

  /** Passes over an entry without making a view of it; false after the last. */
  skip(): boolean {
    const start = this.#at + entryHeaderBytes;
    if (start > this.#payload.length) {
      return false;
    }
    this.#at = start + this.#payload.readUInt32LE(this.#at);
    this.seq += 1;
    return true;
  }
}

/**
 * The next intact frame that begins at or after `offset` and before `end`, however much damage or zeros lie before it. Frames are looked for byte by byte: after damage nothing says where the next one begins.
 */
export function findFrame(
  bytes: Buffer,
  offset: number,
  end: number,
): { readonly at: number; readonly payload: Buffer } | undefined {
  for (let at = offset; at < end; at += 1) {
    const payload = frameAt(bytes, at);
    if (payload !== undefined) {
      return { at, payload };
    }
  }
  return undefined;
}

/** Offset after the last byte that is not zero, at least `from`. A segment's room that is not used yet is zeros. */
export function lastNonZero(bytes: Buffer, from: number): number {
  let end = bytes.length;
  while (end - 8 >= from && bytes.readInt32LE(end - 8) === 0 && bytes.readInt32LE(end - 4) === 0) {
    end -= 8;
  }
  while (end > from && bytes[end - 1] === 0) {
    end -= 1;
  }
  return end;
}
