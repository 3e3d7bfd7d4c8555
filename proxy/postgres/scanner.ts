import { appendPart } from "./parts.ts";
import { ProtocolViolation } from "./protocol.ts";

const headerBytes = 5;
const empty = Buffer.alloc(0);

/** What the scanner's owner decides about messages. */
export interface FrameHandler {
  /**
   * Called when a header is complete, before any of the body. Returns how many bytes of the body `message` wants to see
   * (at most `bodyBytes`), or −1 when the body streams past unseen and `message` is not called. Throws to refuse the message.
   */
  plan(type: number, bodyBytes: number): number;
  /** Called when a planned message is complete. `body` is valid until the call returns; `bodyBytes` is its full length. */
  message(type: number, body: Buffer, bodyBytes: number): void;
  /** Whether the message that ended last is not safe yet: what the next ones are decides about it. False by default. */
  holdsBack?(): boolean;
}

/**
 * Finds tagged messages (type byte, 32-bit length that counts itself, body) in a byte stream, whatever the chunks.
 * It allocates nothing from a declared length, and never copies a body that lies in one chunk.
 */
export class FrameScanner {
  readonly #handler: FrameHandler;
  readonly #header = Buffer.alloc(headerBytes);
  #headerFill = 0;
  #type = 0;
  #bodyBytes = 0;
  #left = 0;
  #wanted = -1;
  #captured: Buffer[] = [];
  #capturedBytes = 0;
  #boundary = -1;
  #safeEnd = 0;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** Whether the stream stands between two messages. */
  get atBoundary(): boolean {
    return this.#left === 0 && this.#headerFill === 0;
  }

  /** End of the last message that ended in the chunk pushed last; −1 when none did. */
  get boundary(): number {
    return this.#boundary;
  }

  /** Up to where the chunk pushed last holds no part of a planned message that is still incomplete, or held back. */
  get safeEnd(): number {
    return this.#safeEnd;
  }

  /** Scans the next bytes. Throws `ProtocolViolation` (own or the handler's); nothing may be pushed after that. */
  push(chunk: Buffer): void {
    this.#boundary = -1;
    this.#safeEnd = 0;
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#headerFill < headerBytes) {
        offset = this.#readHeader(chunk, offset);
        if (this.#headerFill < headerBytes) {
          // Either the chunk is used up, or a message without a body is complete and the next header begins here.
          continue;
        }
      }
      offset = this.#readBody(chunk, offset);
    }
  }

  #readHeader(chunk: Buffer, offset: number): number {
    const count = Math.min(headerBytes - this.#headerFill, chunk.length - offset);
    chunk.copy(this.#header, this.#headerFill, offset, offset + count);
    this.#headerFill += count;
    const end = offset + count;
    if (this.#headerFill < headerBytes) {
      return end;
    }
    const length = this.#header.readInt32BE(1);
    if (length < 4) {
      throw new ProtocolViolation("invalid message length");
    }
    this.#type = this.#header[0] ?? 0;
    this.#bodyBytes = length - 4;
    this.#left = this.#bodyBytes;
    this.#wanted = this.#handler.plan(this.#type, this.#bodyBytes);
    if (this.#left === 0) {
      this.#finish(empty, end);
    } else if (this.#wanted < 0) {
      this.#safeEnd = end;
    }
    return end;
  }

  #readBody(chunk: Buffer, offset: number): number {
    if (this.#left === 0) {
      return offset;
    }
    const count = Math.min(this.#left, chunk.length - offset);
    const end = offset + count;
    this.#left -= count;
    const wantedHere = Math.min(count, this.#wanted - this.#capturedBytes);
    if (this.#left === 0 && this.#capturedBytes === 0) {
      this.#finish(wantedHere > 0 ? chunk.subarray(offset, offset + wantedHere) : empty, end);
      return end;
    }
    if (wantedHere > 0) {
      appendPart(this.#captured, chunk.subarray(offset, offset + wantedHere));
      this.#capturedBytes += wantedHere;
    }
    if (this.#left === 0) {
      this.#finish(Buffer.concat(this.#captured, this.#capturedBytes), end);
    } else if (this.#wanted < 0) {
      this.#safeEnd = end;
    }
    return end;
  }

  #finish(body: Buffer, end: number): void {
    const wanted = this.#wanted;
    this.#headerFill = 0;
    this.#captured = [];
    this.#capturedBytes = 0;
    if (wanted >= 0) {
      this.#handler.message(this.#type, body, this.#bodyBytes);
    }
    this.#boundary = end;
    if (this.#handler.holdsBack?.() !== true) {
      this.#safeEnd = end;
    }
  }
}
