import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";

/** Reads just the bytes that are asked for; what comes after them stays in the stream for whoever has it next. */
export class ByteReader {
  readonly #stream: Duplex;
  readonly #cancelTimer: () => void;
  #failure: Error | undefined;
  #wake = (): void => {};

  /** Whoever says nothing for `timeoutMs` from now on is not worth holding a connection for. */
  constructor(stream: Duplex, clock: Clock, timeoutMs: number) {
    this.#stream = stream;
    this.#cancelTimer = clock.after(timeoutMs, () => {
      this.#fail(new UserError("ClientSilent", `the client did not sign in within ${timeoutMs / 1_000} s`));
    });
    stream.on("readable", this.#onReadable);
    stream.on("end", this.#onEnd);
    stream.on("close", this.#onEnd);
  }

  /** Exactly so many bytes. Rejects when the stream ends first. One call at a time. */
  async read(bytes: number): Promise<Buffer> {
    for (;;) {
      if (bytes === 0) {
        return Buffer.alloc(0);
      }
      const chunk = this.#stream.read(bytes) as Buffer | null;
      if (chunk?.length === bytes) {
        return chunk;
      }
      if (this.#failure !== undefined) {
        throw this.#failure;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Lets go of the stream. */
  release(): void {
    this.#cancelTimer();
    this.#stream.off("readable", this.#onReadable);
    this.#stream.off("end", this.#onEnd);
    this.#stream.off("close", this.#onEnd);
  }

  readonly #onReadable = (): void => this.#wake();

  readonly #onEnd = (): void => this.#fail(new UserError("ClientGone", "the connection ended before the sign-in did"));

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}
