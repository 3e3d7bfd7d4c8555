import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import { encodeFrame, FrameReader } from "#wire/frame.ts";
import type { FromClient, FromProxy } from "#wire/handshake.ts";
import { readProxyMessage } from "./read-message.ts";

/** The handshake's messages on one stream to the proxy. */
export interface FrameStream {
  send(message: FromClient): void;
  /**
   * The next message. Rejects when the stream ends first, or nothing comes `withinMs`; the stream is destroyed then. One call at a
   * time.
   */
  receive(withinMs?: number): Promise<FromProxy>;
  /** Gives the stream over to the database protocol. What came after the last message is still in it. */
  detach(): void;
}

/**
 * Reads and writes handshake messages on `stream`. Just the bytes of a message that was asked for are taken from it, so that the
 * database's first bytes, which may follow the last message at once, stay where they are, and a far end that sends more is held back.
 */
export function frameStream(stream: Duplex, clock: Clock): FrameStream {
  return new Frames(stream, clock);
}

class Frames implements FrameStream {
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #reader = new FrameReader();
  #waiting: PromiseWithResolvers<FromProxy> | undefined;
  #failure: Error | undefined;

  constructor(stream: Duplex, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
    stream.on("readable", this.#settle);
    stream.on("end", this.#onEnd);
    stream.on("close", this.#onEnd);
    // Stays for the stream's whole life: an error between two owners would otherwise be nobody's and end the process.
    stream.on("error", (error) => this.#fail(error));
  }

  send(message: FromClient): void {
    if (this.#stream.writable) {
      this.#stream.write(encodeFrame(message));
    }
  }

  async receive(withinMs?: number): Promise<FromProxy> {
    const waiting = Promise.withResolvers<FromProxy>();
    this.#waiting = waiting;
    const cancelTimer =
      withinMs === undefined
        ? undefined
        : this.#clock.after(withinMs, () => {
            this.#fail(new UserError("ProxySilent", `the proxy did not answer within ${withinMs / 1_000} s`));
            this.#stream.destroy();
          });
    this.#settle();
    try {
      return await waiting.promise;
    } finally {
      cancelTimer?.();
    }
  }

  detach(): void {
    this.#stream.off("readable", this.#settle);
    this.#stream.off("end", this.#onEnd);
    this.#stream.off("close", this.#onEnd);
  }

  readonly #onEnd = (): void => this.#fail(new UserError("ProxyClosed", "the proxy closed the connection"));

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#settle();
  }

  /** Answers whoever waits, with a message that has arrived, else with the failure. */
  readonly #settle = (): void => {
    if (this.#waiting === undefined) {
      return;
    }
    const message = this.#next();
    if (message === undefined && this.#failure === undefined) {
      return;
    }
    const { resolve, reject } = this.#waiting;
    this.#waiting = undefined;
    if (message === undefined) {
      reject(this.#failure);
    } else {
      resolve(message);
    }
  };

  #next(): FromProxy | undefined {
    try {
      let value = this.#reader.next();
      while (value === undefined) {
        const chunk = this.#stream.read(this.#reader.missing()) as Buffer | null;
        if (chunk === null) {
          return undefined;
        }
        this.#reader.push(chunk);
        value = this.#reader.next();
      }
      const message = readProxyMessage(value);
      if (message === undefined) {
        throw new Error("it sent a message that is not one of the handshake's");
      }
      return message;
    } catch (error) {
      this.#failure ??= new UserError("ProxyUnexpected", "what answered does not speak the proxy's handshake", {
        why: coerceError(error).message,
        next: "Update sallyport on this computer; if that does not help, tell whoever operates Sallyport.",
      });
      this.#stream.destroy();
      return undefined;
    }
  }
}
