import type { Duplex } from "node:stream";
import { ProtocolViolation } from "../postgres/protocol.ts";
import { ChunkReader } from "../streams.ts";

/** Messages before the first ReadyForQuery are small; the largest are errors. */
const loginMessageBytesMax = 65_536;
/** All that a server may say in a login, or to one query of the proxy's own: some hundred settings, or a hundred rows. */
const conversationBytesMax = 8 * 1024 * 1024;

/** Reads whole messages of a server one at a time, for logins and for queries of the proxy's own. */
export class MessageReader {
  readonly #chunks: ChunkReader;
  #pending: Buffer = Buffer.alloc(0);
  #bytes = 0;

  constructor(stream: Duplex) {
    this.#chunks = new ChunkReader(stream);
  }

  /** The next message. Rejects with `StreamEnded`, or `ProtocolViolation` for a length that no honest server sends. */
  async next(): Promise<{ readonly type: number; readonly body: Buffer }> {
    for (;;) {
      if (this.#pending.length >= 5) {
        const length = this.#pending.readInt32BE(1);
        if (length < 4 || length > loginMessageBytesMax) {
          throw new ProtocolViolation("the server sent a message of impossible length");
        }
        if (this.#pending.length > length) {
          const message = { type: this.#pending[0] ?? 0, body: this.#pending.subarray(5, length + 1) };
          this.#pending = this.#pending.subarray(length + 1);
          return message;
        }
      }
      const chunk = await this.#chunks.next();
      this.#bytes += chunk.length;
      if (this.#bytes > conversationBytesMax) {
        throw new ProtocolViolation("the server sends without end");
      }
      this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    }
  }

  /** Lets go of the stream. Returns the bytes that were not part of a message read. */
  detach(): Buffer {
    return Buffer.concat([this.#pending, this.#chunks.detach()]);
  }
}
