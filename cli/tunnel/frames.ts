import type { Duplex } from "node:stream";
import { UserError } from "#lib/errors.ts";
import { encodeFrame, FrameReader } from "#wire/frame.ts";
import type { FromClient, FromProxy } from "#wire/handshake.ts";

/** The handshake's messages on one stream to the proxy. */
export interface FrameStream {
  send(message: FromClient): void;
  /** The next message; rejects when the stream ends first. One call at a time. */
  receive(): Promise<FromProxy>;
  /** Gives the stream over to the database protocol: stops reading messages and puts back what arrived beyond them. */
  detach(): void;
}

/**
 * Reads and writes handshake messages on `stream`. Bytes become messages only when one is asked for, so that the database's
 * first bytes, which may follow the last message at once, stay bytes.
 */
export function frameStream(stream: Duplex): FrameStream {
  const reader = new FrameReader();
  let waiting: PromiseWithResolvers<FromProxy> | undefined;
  let failure: Error | undefined;
  const settle = (): void => {
    const message = waiting === undefined ? undefined : next();
    if (message !== undefined) {
      waiting?.resolve(message);
      waiting = undefined;
    } else if (failure !== undefined) {
      waiting?.reject(failure);
      waiting = undefined;
    }
  };
  const next = (): FromProxy | undefined => {
    try {
      return reader.next() as FromProxy | undefined;
    } catch (error) {
      failure ??= error as Error;
      return undefined;
    }
  };
  const onData = (chunk: Buffer): void => {
    reader.push(chunk);
    settle();
  };
  const onEnd = (): void => onError(new UserError("ProxyClosed", "the proxy closed the connection"));
  const onError = (error: Error): void => {
    failure ??= error;
    settle();
  };
  const listeners = { data: onData, end: onEnd, close: onEnd, error: onError };
  for (const [event, listener] of Object.entries(listeners)) {
    stream.on(event, listener);
  }
  return {
    send(message) {
      stream.write(encodeFrame(message));
    },
    receive() {
      waiting = Promise.withResolvers<FromProxy>();
      const { promise } = waiting;
      settle();
      return promise;
    },
    detach() {
      for (const [event, listener] of Object.entries(listeners)) {
        stream.off(event, listener);
      }
      stream.pause();
      const rest = reader.rest();
      if (rest.length > 0) {
        stream.unshift(rest);
      }
    },
  };
}
