import { Duplex } from "node:stream";

/** Bytes a stream takes or holds before it signals back-pressure: one read of a socket. */
const highWaterMark = 64 * 1024;

/** What a stream asks of its mux. */
export interface StreamPorts {
  /** Sends chunks in order; `done` is called when all are in the window. At most one call per stream is under way. */
  readonly write: (stream: Stream, chunks: readonly Buffer[], done: () => void) => void;
  /** Sends FIN, once: from here on nothing comes in either. */
  readonly finish: (stream: Stream) => void;
  /** Data was handed to the consumer's buffer. */
  readonly onBuffered: (stream: Stream) => void;
  /** The consumer has read nearly everything. */
  readonly onDrained: (stream: Stream) => void;
}

/**
 * One TCP connection at the far end. smux version 1 has no half-close: `end()` and `destroy()` both send FIN after what was
 * written, and the far end then closes its socket. Data from the far end stays readable after its FIN.
 */
export class Stream extends Duplex {
  /** smux stream id. */
  readonly id: number;
  /** Whether the far end ever sent data: it did accept the connection then. */
  answered = false;
  readonly #ports: StreamPorts;
  #fresh: Buffer[] = [];
  #freshBytes = 0;
  #inputEnded = false;

  /** `onDrained` is called when less than half of `bufferBytes`, or of one socket read, is unread. */
  constructor(id: number, bufferBytes: number, ports: StreamPorts) {
    super({
      allowHalfOpen: false,
      readableHighWaterMark: Math.min(highWaterMark, Math.ceil(bufferBytes / 2)),
      writableHighWaterMark: highWaterMark,
    });
    this.id = id;
    this.#ports = ports;
  }

  /** Bytes received and not yet read by the consumer. */
  get unreadBytes(): number {
    return this.readableLength + this.#freshBytes;
  }

  /** Takes data from the far end. What arrives within one turn of the event loop reaches the consumer as one chunk. */
  receive(bytes: Buffer): void {
    if (this.#inputEnded || this.destroyed) {
      return;
    }
    this.answered = true;
    if (this.#fresh.length === 0) {
      process.nextTick(() => this.#flush());
    }
    this.#fresh.push(bytes);
    this.#freshBytes += bytes.length;
  }

  /** No more data comes; what is there can still be read. */
  endOfInput(): void {
    if (this.#inputEnded || this.destroyed) {
      return;
    }
    this.#flush();
    this.#inputEnded = true;
    this.push(null);
  }

  #flush(): void {
    if (this.#fresh.length === 0 || this.#inputEnded || this.destroyed) {
      return;
    }
    // Joined: hundreds of small chunks cost the consumer as many writes, and would keep whole socket reads in memory.
    const joined = Buffer.concat(this.#fresh, this.#freshBytes);
    this.#fresh = [];
    this.#freshBytes = 0;
    this.push(joined);
    this.#ports.onBuffered(this);
  }

  override _read(): void {
    this.#ports.onDrained(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#ports.write(this, [chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#ports.write(
      this,
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#ports.finish(this);
    this.endOfInput();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#ports.finish(this);
    this.#fresh = [];
    this.#freshBytes = 0;
    done(error);
  }
}
