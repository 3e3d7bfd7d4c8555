/**
 * Frames of the grant handshake: a 32-bit big-endian length and that many bytes of UTF-8 JSON. They are spoken on a fresh
 * stream before any database protocol, and for the whole life of a control stream.
 */

/** A presigned proof with its session token is the largest message, below 6 KiB; this leaves room and bounds a stranger. */
export const frameBytesMax = 16_384;
const lengthBytes = 4;

/** Encodes one message. Throws when it would exceed `frameBytesMax`: a defect of ours, not of the other side. */
export function encodeFrame(message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message), "utf8");
  if (body.length > frameBytesMax) {
    throw new Error("a handshake message exceeds the frame limit");
  }
  const frame = Buffer.allocUnsafe(lengthBytes + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, lengthBytes);
  return frame;
}

/** A frame that cannot be read: the stream is closed, since no later byte can be trusted. */
export class FrameError extends Error {}

/** Cuts a byte stream into messages. Bytes after the last message asked for stay, for the protocol that follows. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  /** Adds bytes as they arrive. */
  push(chunk: Uint8Array): void {
    this.#pending = this.#pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk]);
  }

  /** The next whole message, or undefined until more bytes arrive. Throws `FrameError` on an oversized or non-JSON frame. */
  next(): unknown {
    if (this.#pending.length < lengthBytes) {
      return undefined;
    }
    const length = this.#pending.readUInt32BE(0);
    if (length === 0 || length > frameBytesMax) {
      throw new FrameError(`a handshake frame must hold 1 to ${frameBytesMax} bytes`);
    }
    if (this.#pending.length < lengthBytes + length) {
      return undefined;
    }
    const body = this.#pending.subarray(lengthBytes, lengthBytes + length);
    this.#pending = this.#pending.subarray(lengthBytes + length);
    try {
      return JSON.parse(body.toString("utf8")) as unknown;
    } catch {
      throw new FrameError("a handshake frame does not hold JSON");
    }
  }

  /**
   * How many more bytes the next message needs at least; reading just these leaves whatever follows it in the stream. To be asked
   * after `next` gave nothing.
   */
  missing(): number {
    const { length } = this.#pending;
    return length < lengthBytes ? lengthBytes - length : lengthBytes + this.#pending.readUInt32BE(0) - length;
  }

  /** Takes what has arrived and was not part of a message. */
  rest(): Buffer {
    const rest = this.#pending;
    this.#pending = Buffer.alloc(0);
    return rest;
  }
}
