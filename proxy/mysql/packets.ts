import { appendPart } from "#lib/parts.ts";
import { fullPacketBytes } from "./protocol.ts";
import { errors, MySqlViolation } from "./violation.ts";

const headerBytes = 4;
const empty = Buffer.alloc(0);

/**
 * What becomes of a message: it goes on, it is left out, it is left for later and nothing more is read, or it goes on and `left` is to
 * hear where it ended.
 */
export const verdict = { pass: 0, drop: 1, stop: 2, mark: 3 } as const;
export type Verdict = (typeof verdict)[keyof typeof verdict];

/** What the scanner's owner decides about messages. A message is one packet, or several where the first ones are full. */
export interface PacketHandler {
  /**
   * Called when the first byte of a message is known (−1: the message is empty). `bytes` is its first packet's payload. Returns how many
   * bytes of the message `end` wants to see at most, or −1 when it streams past unseen. Throws to refuse the stream.
   */
  begin(first: number, bytes: number, sequence: number): number;
  /**
   * Where it is given, it is asked first at the beginning of a message: it may pass over whole messages that lie in the chunk, and
   * returns where the first one begins that it did not.
   */
  skim?(chunk: Buffer, at: number): number;
  /** A further packet of the same message begins. */
  more(bytes: number): void;
  /**
   * A message that is not streamed is complete. `body` is valid until the call returns, `bytes` is the full length and `sequence` the
   * last packet's number.
   */
  end(body: Buffer, bytes: number, sequence: number): Verdict;
  /** Called behind a message that did not just pass; `start` and `boundary` of the scanner say where it was. */
  left(verdict: Verdict): void;
}

const phase = { header: 0, first: 1, body: 2 } as const;

/**
 * Finds messages (3-byte length, sequence number, payload; full packets are continued) in a byte stream, whatever the chunks. It
 * allocates nothing from a declared length, and never copies a body that lies in one chunk.
 */
export class PacketScanner {
  readonly #handler: PacketHandler;
  readonly #maySkim: boolean;
  #phase: number = phase.header;
  #headerFill = 0;
  #length = 0;
  #sequence = 0;
  /** Bytes of the running packet that have not come yet. */
  #left = 0;
  #isContinued = false;
  #wanted = -1;
  /** Payload bytes of the message so far. */
  #seen = 0;
  #captured: Buffer[] = [];
  #capturedBytes = 0;
  #start = -1;
  #boundary = -1;

  constructor(handler: PacketHandler) {
    this.#handler = handler;
    this.#maySkim = handler.skim !== undefined;
  }

  /** Whether the stream stands between two messages. */
  get atBoundary(): boolean {
    return this.#phase === phase.header && this.#headerFill === 0 && !this.#isContinued;
  }

  /** Bytes of a message at the end of the stream about which nothing is known yet: a header, or a part of it. */
  get undecided(): number {
    return this.#isContinued || this.#phase === phase.body ? 0 : this.#headerFill;
  }

  /** Whether the running message is already longer than what its handler wants of it. */
  get isBeyond(): boolean {
    return this.#wanted >= 0 && this.#seen > this.#wanted;
  }

  /** Whether a part of a message is kept, in the memory of the chunks that brought it. */
  get keepsParts(): boolean {
    return this.#capturedBytes > 0;
  }

  /** Where in the chunk pushed last the message that is running or ended last begins; −1 when in an earlier one. */
  get start(): number {
    return this.#start;
  }

  /** End of the last message that ended in the chunk pushed last; −1 when none did. */
  get boundary(): number {
    return this.#boundary;
  }

  /**
   * Scans the next bytes; returns false when a verdict stopped it, and then stands before that message. Throws `MySqlViolation` (own or
   * the handler's); nothing may be pushed after that.
   */
  push(chunk: Buffer): boolean {
    const { length } = chunk;
    this.#boundary = -1;
    this.#start = -1;
    let at = 0;
    while (at < length) {
      if (this.#maySkim && this.atBoundary) {
        const past = this.#handler.skim?.(chunk, at) ?? at;
        if (past > at) {
          this.#boundary = past;
          at = past;
          continue;
        }
      }
      if (this.#phase === phase.header) {
        at = this.#readHeader(chunk, at);
        if (this.#phase === phase.header) {
          continue;
        }
      }
      if (this.#phase === phase.first && this.#left > 0) {
        if (at === length) {
          return true;
        }
        this.#wanted = this.#handler.begin(chunk[at] ?? 0, this.#length, this.#sequence);
        this.#phase = phase.body;
      }
      const isWhole =
        this.#wanted >= 0 && this.#left <= length - at && this.#seen === 0 && this.#length !== fullPacketBytes;
      if (isWhole) {
        at += this.#left;
        if (!this.#endWhole(chunk, at)) {
          return false;
        }
        continue;
      }
      at = this.#readBody(chunk, at);
      if (this.#left === 0 && !this.#endPacket(at)) {
        return false;
      }
    }
    return true;
  }

  #readHeader(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#headerFill === 0 && !this.#isContinued && chunk.length - at >= headerBytes) {
      this.#start = at;
      this.#length = (chunk[at] ?? 0) | ((chunk[at + 1] ?? 0) << 8) | ((chunk[at + 2] ?? 0) << 16);
      this.#headerFill = headerBytes;
      this.#startPacket(chunk[at + 3] ?? 0);
      return at + headerBytes;
    }
    if (this.#headerFill === 0) {
      if (!this.#isContinued) {
        this.#start = at;
      }
      this.#length = 0;
    }
    while (this.#headerFill < headerBytes - 1 && at < chunk.length) {
      this.#length |= (chunk[at] ?? 0) << (8 * this.#headerFill);
      this.#headerFill += 1;
      at += 1;
    }
    if (at === chunk.length) {
      return at;
    }
    this.#headerFill = headerBytes;
    this.#startPacket(chunk[at] ?? 0);
    return at + 1;
  }

  #startPacket(sequence: number): void {
    this.#left = this.#length;
    if (this.#isContinued) {
      if (sequence !== ((this.#sequence + 1) & 0xff)) {
        throw new MySqlViolation("packets are out of order", errors.packetOrder);
      }
      this.#sequence = sequence;
      this.#phase = phase.body;
      this.#handler.more(this.#length);
      return;
    }
    this.#sequence = sequence;
    this.#seen = 0;
    this.#phase = phase.first;
    if (this.#length === 0) {
      this.#wanted = this.#handler.begin(-1, 0, sequence);
      this.#phase = phase.body;
    }
  }

  #readBody(chunk: Buffer, at: number): number {
    const count = Math.min(this.#left, chunk.length - at);
    if (count === 0) {
      return at;
    }
    this.#left -= count;
    this.#seen += count;
    const wantedHere = Math.min(count, this.#wanted - this.#capturedBytes);
    if (wantedHere > 0) {
      // A body that lies in one chunk is never copied; only small pieces of several chunks are joined.
      appendPart(this.#captured, chunk.subarray(at, at + wantedHere));
      this.#capturedBytes += wantedHere;
    }
    return at + count;
  }

  /** The message is one packet that lies in the chunk, and ends at `at`. */
  #endWhole(chunk: Buffer, at: number): boolean {
    const bytes = this.#left;
    const start = at - bytes;
    this.#left = 0;
    this.#phase = phase.header;
    this.#headerFill = 0;
    return this.#decide(bytes === 0 ? empty : chunk.subarray(start, start + Math.min(bytes, this.#wanted)), bytes, at);
  }

  #decide(body: Buffer, bytes: number, at: number): boolean {
    const decided = this.#handler.end(body, bytes, this.#sequence);
    this.#wanted = -1;
    if (decided !== verdict.stop) {
      this.#boundary = at;
    }
    if (decided !== verdict.pass) {
      this.#handler.left(decided);
    }
    return decided !== verdict.stop;
  }

  #endPacket(at: number): boolean {
    this.#phase = phase.header;
    this.#headerFill = 0;
    this.#isContinued = this.#length === fullPacketBytes;
    if (this.#isContinued) {
      return true;
    }
    const wanted = this.#wanted;
    if (wanted < 0) {
      this.#boundary = at;
      return true;
    }
    const [only = empty] = this.#captured;
    const body = this.#captured.length <= 1 ? only : Buffer.concat(this.#captured, this.#capturedBytes);
    this.#captured = [];
    this.#capturedBytes = 0;
    return this.#decide(body, this.#seen, at);
  }
}
