import { appendPart } from "#lib/parts.ts";
import { largeMessageBytesMax, ProtocolViolation } from "./protocol.ts";

const headerBytes = 5;
/**
 * Plan of a message whose body is seen in pieces and not held: what is there of it is safe, since it is nothing without its end, which
 * comes after the last piece was seen.
 */
export const inPieces = -2;
const empty = Buffer.alloc(0);
/** Bodies of one byte (ReadyForQuery), so that none is made for each. */
const singleBytes = Array.from({ length: 256 }, (_, byte) => Buffer.of(byte));

/** What the scanner's owner decides about messages. */
export interface FrameHandler {
  /**
   * Called when a header is complete, before any of the body. Returns how many bytes of the body `message` wants to see
   * (at most `bodyBytes`), or −1 when the body streams past unseen and `message` is not called, or `inPieces`. Throws to refuse the
   * message.
   */
  plan(type: number, bodyBytes: number): number;
  /**
   * Called when a planned message is complete. `body` is valid until the call returns; `bodyBytes` is its full length; `end` is where
   * it ends in the chunk that is being pushed.
   */
  message(type: number, body: Buffer, bodyBytes: number, end: number): void;
  /** Parts of the body of a message that was planned `inPieces`, as they come; the last one ends it. Valid until the call returns. */
  piece?(bytes: Buffer): void;
  /** Whether the message that ended last is not safe yet: what the next ones are decides about it. False by default. */
  holdsBack?(): boolean;
  /**
   * Where it is given, `plan` is not asked about messages of these two types: their bodies stream past unseen, and it hears of each
   * run of them, when their headers were there. `bytes` counts headers and bodies.
   */
  readonly streams?: readonly [number, number];
  streamed?(type: number, messages: number, bytes: number): void;
}

/**
 * Finds tagged messages (type byte, 32-bit length that counts itself, body) in a byte stream, whatever the chunks.
 * It allocates nothing from a declared length, and never copies a body that lies in one chunk.
 */
export class FrameScanner {
  readonly #handler: FrameHandler;
  readonly #mayHoldBack: boolean;
  readonly #streamA: number;
  readonly #streamB: number;
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
  #hasLooked = false;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
    this.#mayHoldBack = handler.holdsBack !== undefined;
    [this.#streamA, this.#streamB] = handler.streams ?? [-1, -1];
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

  /** Whether a planned message was in the chunk pushed last, or a part of one: what it told may still lie in that memory. */
  get hasLooked(): boolean {
    return this.#hasLooked;
  }

  /** Whether a part of a planned message is kept, in the memory of the chunks that brought it. */
  get keepsParts(): boolean {
    return this.#capturedBytes > 0;
  }

  /** Scans the next bytes. Throws `ProtocolViolation` (own or the handler's); nothing may be pushed after that. */
  push(chunk: Buffer): void {
    this.#boundary = -1;
    this.#safeEnd = 0;
    this.#hasLooked = this.#left > 0 && this.#wanted >= 0;
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#left > 0) {
        offset = this.#readBody(chunk, offset);
      } else if (this.#headerFill > 0 || chunk.length - offset < headerBytes) {
        offset = this.#gatherHeader(chunk, offset);
      } else {
        const type = chunk[offset] ?? 0;
        const past = type === this.#streamA || type === this.#streamB ? this.#skim(chunk, offset, type) : offset;
        if (past > offset) {
          offset = past;
        } else {
          offset += headerBytes;
          this.#begin(type, int32At(chunk, offset - 4), offset);
        }
      }
    }
  }

  /** A header in pieces. */
  #gatherHeader(chunk: Buffer, offset: number): number {
    const count = Math.min(headerBytes - this.#headerFill, chunk.length - offset);
    chunk.copy(this.#header, this.#headerFill, offset, offset + count);
    this.#headerFill += count;
    const end = offset + count;
    if (this.#headerFill === headerBytes) {
      this.#headerFill = 0;
      const type = this.#header[0] ?? 0;
      const isStreamed = type === this.#streamA || type === this.#streamB;
      if (!isStreamed || this.#skim(this.#header, 0, type, end) === 0) {
        this.#begin(type, int32At(this.#header, 1), end);
      }
    }
    return end;
  }

  /** A run of messages whose bodies nobody looks at. Returns where it stopped; `offset` when the first is not in order. */
  #skim(chunk: Buffer, offset: number, type: number, headerEnd = -1): number {
    const last = chunk.length - headerBytes;
    let at = offset;
    let messages = 0;
    while (at <= last && chunk[at] === type) {
      const length = int32At(chunk, at + 1);
      if (length < 4 || length > largeMessageBytesMax) {
        break;
      }
      messages += 1;
      at += length + 1;
    }
    if (messages === 0) {
      return offset;
    }
    this.#handler.streamed?.(type, messages, at - offset);
    this.#type = type;
    this.#wanted = -1;
    this.#left = Math.max(0, at - chunk.length);
    const end = headerEnd >= 0 ? headerEnd : Math.min(at, chunk.length);
    this.#safeEnd = end;
    if (this.#left === 0) {
      this.#boundary = end;
    }
    return Math.min(at, chunk.length);
  }

  /** A header is complete; `end` is where it ends. */
  #begin(type: number, length: number, end: number): void {
    if (length < 4) {
      throw new ProtocolViolation("invalid message length");
    }
    this.#type = type;
    this.#bodyBytes = length - 4;
    this.#left = this.#bodyBytes;
    this.#wanted = this.#handler.plan(type, this.#bodyBytes);
    this.#hasLooked ||= this.#wanted >= 0;
    if (this.#left === 0) {
      this.#finish(empty, end);
    } else if (this.#wanted < 0) {
      this.#safeEnd = end;
    }
  }

  #readBody(chunk: Buffer, offset: number): number {
    const count = Math.min(this.#left, chunk.length - offset);
    const end = offset + count;
    this.#left -= count;
    if (this.#wanted === inPieces) {
      this.#handler.piece?.(chunk.subarray(offset, end));
    }
    const wantedHere = Math.min(count, this.#wanted - this.#capturedBytes);
    if (this.#left === 0 && this.#capturedBytes === 0) {
      this.#finish(bodyAt(chunk, offset, wantedHere), end);
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
    if (this.#capturedBytes > 0) {
      this.#captured = [];
      this.#capturedBytes = 0;
    }
    if (this.#wanted >= 0) {
      this.#handler.message(this.#type, body, this.#bodyBytes, end);
    }
    this.#boundary = end;
    if (!this.#mayHoldBack || this.#handler.holdsBack?.() !== true) {
      this.#safeEnd = end;
    }
  }
}

function int32At(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
}

function bodyAt(chunk: Buffer, offset: number, count: number): Buffer {
  if (count <= 0) {
    return empty;
  }
  return (count === 1 ? singleBytes[chunk[offset] ?? 0] : undefined) ?? chunk.subarray(offset, offset + count);
}
