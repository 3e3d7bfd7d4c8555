import { Duplex } from "node:stream";

/** Two ends of one connection in memory: what is written to one is read from the other, with back-pressure. */
export function duplexPair(): { readonly near: Duplex; readonly far: Duplex } {
  const near: End = new End(() => far);
  const far: End = new End(() => near);
  return { near, far };
}

class End extends Duplex {
  readonly #peer: () => End;
  #onRead: (() => void) | undefined;

  constructor(peer: () => End) {
    super({ allowHalfOpen: false });
    this.#peer = peer;
  }

  override _read(): void {
    const onRead = this.#onRead;
    this.#onRead = undefined;
    onRead?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#peer().#take(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#peer().#take(null, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const peer = this.#peer();
    if (!peer.destroyed && !peer.readableEnded) {
      setImmediate(() => {
        if (!peer.destroyed) {
          peer.push(null);
        }
      });
    }
    done(error);
  }

  #take(chunk: Buffer | null, done: () => void): void {
    if (this.destroyed || this.push(chunk) || chunk === null) {
      done();
    } else {
      this.#onRead = done;
    }
  }
}
