import type { Duplex } from "node:stream";

/** The other side closed, failed or was aborted while more bytes were expected from it. */
export class StreamEnded extends Error {
  constructor(message = "the stream ended") {
    super(message);
    this.name = "StreamEnded";
  }
}

/**
 * Takes bytes from a stream one chunk at a time, for the phases before relaying. The stream is paused while nobody reads,
 * so the other side cannot fill the memory.
 */
export class ChunkReader {
  readonly #stream: Duplex;
  #ended = false;
  #waiting: { readonly resolve: (chunk: Buffer) => void; readonly reject: (error: Error) => void } | undefined;
  readonly #chunks: Buffer[] = [];
  readonly #onData = (chunk: Buffer): void => {
    this.#stream.pause();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) {
      this.#chunks.push(chunk);
    } else {
      waiting.resolve(chunk);
    }
  };
  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#waiting?.reject(new StreamEnded());
    this.#waiting = undefined;
  };

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", this.#onData);
    stream.on("end", this.#onEnd);
    stream.on("close", this.#onEnd);
    stream.on("error", this.#onEnd);
    stream.pause();
  }

  /** The next bytes. Rejects with `StreamEnded`. One caller at a time. */
  next(): Promise<Buffer> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      return Promise.resolve(chunk);
    }
    if (this.#ended || this.#stream.destroyed) {
      return Promise.reject(new StreamEnded());
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#stream.resume();
    });
  }

  /** Gives bytes back that belong to whoever reads next. */
  unread(chunk: Buffer): void {
    if (chunk.length > 0) {
      this.#chunks.unshift(chunk);
    }
  }

  /** Lets go of the stream, which stays paused. Returns what arrived and was not read. */
  detach(): Buffer {
    this.#stream.pause();
    this.#stream.off("data", this.#onData);
    this.#stream.off("end", this.#onEnd);
    this.#stream.off("close", this.#onEnd);
    this.#stream.off("error", this.#onEnd);
    this.#waiting?.reject(new StreamEnded());
    this.#waiting = undefined;
    return Buffer.concat(this.#chunks.splice(0));
  }
}

/** A closing stream may still report a reset; nobody waits for that any more. */
export function ignoreErrors(stream: Duplex): void {
  stream.on("error", () => {});
}
