import type { Duplex } from "node:stream";
import { encodePacket } from "../mysql/fields.ts";
import { errors, MySqlViolation } from "../mysql/violation.ts";
import { ChunkReader } from "../streams.ts";

/** Packets of a login are small; the largest hold 64 KiB of connection attributes, or of an IAM token's length. */
const loginPacketBytesMax = 96 * 1024;
/** All that the other side may say while nothing is relayed: a login, or some rows for a question of the proxy's own. */
const conversationBytesMax = 4 * 1024 * 1024;

/** One leg of a MySQL connection while whole packets are read and written one at a time: the login, and questions of the proxy's own. */
export class PacketChannel {
  readonly #stream: Duplex;
  readonly #chunks: ChunkReader;
  #pending: Buffer = Buffer.alloc(0);
  #sequence: number;
  #bytes = 0;

  /** `sequence` is the number of the next packet in either direction; both sides count the same. */
  constructor(stream: Duplex, chunks: ChunkReader = new ChunkReader(stream), sequence = 0) {
    this.#stream = stream;
    this.#chunks = chunks;
    this.#sequence = sequence;
  }

  /** Number of the next packet, whoever sends it. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The next packet's payload. Rejects with `StreamEnded`, or `MySqlViolation` for what no honest side sends. */
  async read(): Promise<Buffer> {
    for (;;) {
      if (this.#pending.length >= 4) {
        const length = this.#pending.readUIntLE(0, 3);
        if (length > loginPacketBytesMax) {
          throw new MySqlViolation("a packet of impossible length", errors.packetTooLarge);
        }
        if (this.#pending[3] !== this.#sequence) {
          throw new MySqlViolation("packets out of order", errors.packetOrder);
        }
        if (this.#pending.length >= length + 4) {
          const payload = this.#pending.subarray(4, length + 4);
          this.#pending = this.#pending.subarray(length + 4);
          this.#sequence = (this.#sequence + 1) & 0xff;
          return payload;
        }
      }
      const chunk = await this.#chunks.next();
      this.#bytes += chunk.length;
      if (this.#bytes > conversationBytesMax) {
        throw new MySqlViolation("bytes without end", errors.packetTooLarge);
      }
      this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    }
  }

  /** The bytes of the next packet that goes out; what is encoded must be written. */
  encode(payload: Buffer): Buffer {
    const packet = encodePacket(this.#sequence, payload);
    this.#sequence = (this.#sequence + 1) & 0xff;
    return packet;
  }

  write(payload: Buffer): void {
    this.#stream.write(this.encode(payload));
  }

  /** A new command begins: both sides count from zero again. */
  restart(): void {
    this.#sequence = 0;
  }

  /** Lets go of the stream. Returns the bytes that were not part of a packet read. */
  detach(): Buffer {
    return Buffer.concat([this.#pending, this.#chunks.detach()]);
  }

  /** Gives the bytes that were not part of a packet read back to the reader that this was made with. */
  release(): void {
    this.#chunks.unread(this.#pending);
    this.#pending = Buffer.alloc(0);
  }
}
