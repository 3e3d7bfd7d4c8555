import { entryHeaderBytes, frameStartBytes, sealFrame } from "./frame.ts";

/** First size of the buffer; a turn that needs more gets more, and it is given back after. */
const batchBufferBytes = 1024 * 1024;
/** A frame that has reached this size is followed by another, so that a reader needs little memory for one. */
export const frameBytesMax = 256 * 1024;

/**
 * What one turn of the event loop has to write: frames of entries in a buffer that is made once. An entry is written
 * straight into it: `room`, then bytes from `entryAt` on, then `keep`; without `keep` it never was.
 */
export class Batch {
  /** Where entries are written. Another one after `room`. */
  bytes: Buffer = Buffer.allocUnsafeSlow(batchBufferBytes);
  /** The same memory as `bytes`. */
  view: DataView = viewOf(this.bytes);
  /** Bytes in use; those of an entry that is not kept yet do not count. */
  end = 0;
  /** Start of the open frame; -1 when none is. */
  #frameAt = -1;
  #frameSeq = 0;

  /** Where the next entry's bytes begin. */
  get entryAt(): number {
    return this.end + (this.#frameAt === -1 ? frameStartBytes : 0) + entryHeaderBytes;
  }

  /** Makes room for an entry of up to `bytes` bytes. */
  room(bytes: number): void {
    const needed = this.entryAt + bytes;
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, this.end);
      this.bytes = larger;
      this.view = viewOf(larger);
    }
  }

  /** The entry that ends before `entryEnd` stays. `seq`: its number, one more than that of the entry before. */
  keep(entryEnd: number, seq: number): void {
    const start = this.entryAt;
    if (this.#frameAt === -1) {
      this.#frameAt = this.end;
      this.#frameSeq = seq;
    }
    this.view.setUint32(start - entryHeaderBytes, entryEnd - start, true);
    this.end = entryEnd;
    if (entryEnd - this.#frameAt >= frameBytesMax) {
      this.#seal();
    }
  }

  /** All bytes to write: a view that is good until the next `room`. */
  sealed(): Buffer {
    if (this.#frameAt !== -1) {
      this.#seal();
    }
    return this.bytes.subarray(0, this.end);
  }

  /** Empties it. A buffer that has grown is given back. */
  reset(): void {
    this.end = 0;
    this.#frameAt = -1;
    if (this.bytes.length > batchBufferBytes) {
      this.bytes = Buffer.allocUnsafeSlow(batchBufferBytes);
      this.view = viewOf(this.bytes);
    }
  }

  #seal(): void {
    sealFrame(this.bytes, this.#frameAt, this.end, this.#frameSeq);
    this.#frameAt = -1;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
