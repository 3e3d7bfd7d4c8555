import { ProtocolViolation } from "./protocol.ts";

const empty = Buffer.alloc(0);

/** Bytes as text of one character each; the shortest way there is. */
export function latin1Of(bytes: Uint8Array): string {
  return Buffer.prototype.latin1Slice.call(bytes, 0, bytes.length);
}

/** Reads one message body strictly: everything that does not add up is a `ProtocolViolation`. */
export class BodyReader {
  readonly #body: Buffer;
  #offset = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  uint8(): number {
    this.#need(1);
    const value = this.#body[this.#offset] ?? 0;
    this.#offset += 1;
    return value;
  }

  int16(): number {
    this.#need(2);
    const value = this.#body.readInt16BE(this.#offset);
    this.#offset += 2;
    return value;
  }

  /** Counts travel as 16-bit integers and are read unsigned: a statement may have 65,535 parameters. */
  uint16(): number {
    return this.int16() & 0xffff;
  }

  int32(): number {
    this.#need(4);
    const value = this.#body.readInt32BE(this.#offset);
    this.#offset += 4;
    return value;
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  /** Bytes up to the next NUL, which is consumed and not part of the value. */
  cstring(): Buffer {
    const end = this.#body.indexOf(0, this.#offset);
    if (end < 0) {
      throw new ProtocolViolation("invalid message format: a string is not terminated");
    }
    const value = this.#body.subarray(this.#offset, end);
    this.#offset = end + 1;
    return value;
  }

  /** As `cstring`, for a name that is mostly empty. */
  name(): Buffer {
    if (this.#body[this.#offset] === 0) {
      this.#offset += 1;
      return empty;
    }
    return this.cstring();
  }

  bytes(count: number): Buffer {
    this.#need(count);
    const value = this.#body.subarray(this.#offset, this.#offset + count);
    this.#offset += count;
    return value;
  }

  /** A length word and that many bytes; −1 is NULL, any other negative length is refused. */
  value(): Buffer | null {
    const length = this.int32();
    if (length === -1) {
      return null;
    }
    if (length < 0) {
      throw new ProtocolViolation("invalid message format: a value has a negative length");
    }
    return this.bytes(length);
  }

  /** What is left, without consuming it. */
  get left(): number {
    return this.#body.length - this.#offset;
  }

  /** Nothing may follow. A hidden rest would let recorded and executed text differ. */
  end(): void {
    if (this.left !== 0) {
      throw new ProtocolViolation("invalid message format: bytes follow the end of the message");
    }
  }

  #need(count: number): void {
    if (count > this.left) {
      throw new ProtocolViolation("invalid message format: the message is too short");
    }
  }
}
