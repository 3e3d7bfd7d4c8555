import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { SessionTrack } from "./session-track.ts";

export interface LocalSessionOptions {
  readonly socket: Socket;
  readonly stream: Duplex;
  /** Absent: nothing is said to the client when the session is cut, since somebody else does. */
  readonly track?: SessionTrack;
  /** What a client is told whose session is cut: not ended by either side in order. */
  readonly cutMessage: () => string;
}

/** Both ways of one database session between a local client and the tunnel. */
export class LocalSession {
  readonly #socket: Socket;
  readonly #stream: Duplex;
  readonly #track: SessionTrack | undefined;
  readonly #cutMessage: () => string;
  #isOver = false;

  constructor({ socket, stream, track, cutMessage }: LocalSessionOptions) {
    this.#socket = socket;
    this.#stream = stream;
    this.#track = track;
    this.#cutMessage = cutMessage;
  }

  /** Carries bytes until either side ends. Resolves then; never rejects. */
  run(): Promise<void> {
    const [socket, stream, track] = [this.#socket, this.#stream, this.#track];
    const over = Promise.withResolvers<void>();
    stream.on("error", () => stream.destroy());
    if (track !== undefined) {
      // Listeners of their own see what the pipes carry, when they carry it.
      socket.on("data", (chunk: Buffer) => track.fromClient(chunk));
      stream.on("data", (chunk: Buffer) => track.fromServer(chunk));
    }
    // Half-open: SSM does not carry a half-close, so either side's end ends both, after what was written has gone through.
    socket.pipe(stream);
    stream.pipe(socket, { end: false });
    stream.once("finish", () => socket.destroySoon());
    stream.once("end", () => this.end());
    stream.once("close", () => {
      this.end();
      over.resolve();
    });
    socket.once("close", () => this.#leave());
    if (stream.destroyed) {
      over.resolve();
    }
    return over.promise;
  }

  /** Ends it in order. A client that has not been told why yet is told in its own protocol. */
  end(message = this.#cutMessage()): void {
    if (this.#isOver) {
      return;
    }
    this.#isOver = true;
    const words = this.#track?.lastWords(message);
    this.#stream.unpipe(this.#socket);
    if (words !== undefined && this.#socket.writable) {
      this.#socket.write(words);
    }
    this.#socket.destroySoon();
    this.#leave();
  }

  /** The far end is told that nobody reads it any more, unless it has ended by itself. */
  #leave(): void {
    this.#isOver = true;
    this.#stream.destroy(this.#stream.readableEnded ? undefined : new Error("the local connection has ended"));
  }
}
