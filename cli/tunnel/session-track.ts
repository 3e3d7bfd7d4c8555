/**
 * Follows one database session just closely enough to know whether an error can be put to the client now: the bytes of a message that was
 * cut in two cannot be completed, and an error in the middle of them would be taken for data.
 */
export interface SessionTrack {
  /** Bytes on their way to the server, in order. */
  fromClient(chunk: Buffer): void;
  /** Bytes on their way to the client, in order. */
  fromServer(chunk: Buffer): void;
  /**
   * An error in the database's own protocol that ends the session. Undefined where none can be put: between two halves of a message, inside
   * TLS, and where the client has taken its leave or has been told by the server already.
   */
  lastWords(message: string): Buffer | undefined;
}

const nothing = Buffer.alloc(0);

/** Cuts a stream of messages that begin with a header of fixed length into messages, without keeping their bodies. */
export class MessageScanner {
  readonly #headerBytes: number;
  readonly #keptBytes: number;
  readonly #bodyBytesOf: (header: Buffer) => number;
  readonly #onMessage: (header: Buffer, head: Buffer) => void;
  #header: Buffer = nothing;
  /** The first bytes of the body. */
  #head: Buffer = nothing;
  /** Bytes of the body that have not come. */
  #missing = 0;

  /** `onMessage` is called at the end of each message with its header and at most `keptBytes` of its body. */
  constructor(options: {
    readonly headerBytes: number;
    readonly keptBytes: number;
    readonly bodyBytesOf: (header: Buffer) => number;
    readonly onMessage: (header: Buffer, head: Buffer) => void;
  }) {
    this.#headerBytes = options.headerBytes;
    this.#keptBytes = options.keptBytes;
    this.#bodyBytesOf = options.bodyBytesOf;
    this.#onMessage = options.onMessage;
  }

  /** Whether the last byte was the last of a message. */
  get atBoundary(): boolean {
    return this.#header.length === 0;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#header.length < this.#headerBytes) {
        const part = chunk.subarray(at, at + this.#headerBytes - this.#header.length);
        this.#header = this.#header.length === 0 ? part : Buffer.concat([this.#header, part]);
        at += part.length;
        if (this.#header.length < this.#headerBytes) {
          // What is kept of a chunk would keep the whole of it.
          this.#header = Buffer.from(this.#header);
          return;
        }
        this.#missing = Math.max(0, this.#bodyBytesOf(this.#header));
      }
      const body = chunk.subarray(at, at + this.#missing);
      const wanted = this.#keptBytes - this.#head.length;
      if (wanted > 0 && body.length > 0) {
        this.#head = Buffer.concat([this.#head, body.subarray(0, wanted)]);
      }
      at += body.length;
      this.#missing -= body.length;
      if (this.#missing > 0) {
        this.#header = Buffer.from(this.#header);
        return;
      }
      const [header, head] = [this.#header, this.#head];
      this.#header = nothing;
      this.#head = nothing;
      this.#onMessage(header, head);
    }
  }
}
