import { MySqlViolation } from "./violation.ts";

/**
 * Reads the fields of one packet's payload, in order. Whatever lies outside of the payload is a `MySqlViolation`, never a read
 * beyond it and never an allocation of a declared size. Integers are little-endian (MySQL protocol, "Basic Data Types").
 */
export class FieldReader {
  readonly #payload: Buffer;
  #at = 0;

  constructor(payload: Buffer) {
    this.#payload = payload;
  }

  /** Bytes that were not read yet. */
  get left(): number {
    return this.#payload.length - this.#at;
  }

  /** An unsigned integer of 1 to 6 bytes. */
  int(bytes: number): number {
    const at = this.#take(bytes);
    return this.#payload.readUIntLE(at, bytes);
  }

  /** A length-encoded integer. No honest length needs more than 2^53. */
  lengthEncoded(): number {
    const first = this.int(1);
    if (first < 0xfb) {
      return first;
    }
    if (first === 0xfc || first === 0xfd) {
      return this.int(first - 0xfa);
    }
    if (first !== 0xfe) {
      throw new MySqlViolation("malformed packet: not a length");
    }
    const low = this.int(4);
    const high = this.int(4);
    if (high > 0x1f_ffff) {
      throw new MySqlViolation("malformed packet: impossible length");
    }
    return high * 0x1_0000_0000 + low;
  }

  /** Whether the next byte is this one; then it is read. */
  skips(byte: number): boolean {
    if (this.#payload[this.#at] !== byte) {
      return false;
    }
    this.#at += 1;
    return true;
  }

  bytes(count: number): Buffer {
    const at = this.#take(count);
    return this.#payload.subarray(at, at + count);
  }

  /** Bytes behind a length-encoded length. */
  lengthEncodedBytes(): Buffer {
    return this.bytes(this.lengthEncoded());
  }

  /** Bytes up to a NUL, which must be there. */
  untilNul(): Buffer {
    const end = this.#payload.indexOf(0, this.#at);
    if (end < 0) {
      throw new MySqlViolation("malformed packet: a text does not end");
    }
    const text = this.#payload.subarray(this.#at, end);
    this.#at = end + 1;
    return text;
  }

  /** Bytes up to a NUL, or to the payload's end. */
  untilNulOrEnd(): Buffer {
    return this.#payload.includes(0, this.#at) ? this.untilNul() : this.bytes(this.left);
  }

  #take(count: number): number {
    if (count > this.left) {
      throw new MySqlViolation("malformed packet: it ends too early");
    }
    const at = this.#at;
    this.#at += count;
    return at;
  }
}

/** An unsigned little-endian integer of 1 to 6 bytes. */
export function encodeInt(value: number, bytes: number): Buffer {
  const out = Buffer.alloc(bytes);
  out.writeUIntLE(value, 0, bytes);
  return out;
}

/** A length-encoded integer below 2^24, which all lengths of a login are. */
export function encodeLength(value: number): Buffer {
  if (value < 0xfb) {
    return encodeInt(value, 1);
  }
  return value < 0x1_0000
    ? Buffer.concat([Buffer.from([0xfc]), encodeInt(value, 2)])
    : Buffer.concat([Buffer.from([0xfd]), encodeInt(value, 3)]);
}

/** Text and the NUL behind it. */
export function encodeNulText(text: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(text as string), Buffer.from([0])]);
}

/** One packet: length, sequence number, payload (MySQL protocol, "MySQL Packets"). Payloads of the proxy's own are small. */
export function encodePacket(sequence: number, payload: Buffer): Buffer {
  return Buffer.concat([encodeInt(payload.length, 3), encodeInt(sequence & 0xff, 1), payload]);
}
