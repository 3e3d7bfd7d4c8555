import { type Duplex, duplexPair } from "node:stream";
import { encodeFrame, FrameReader } from "#wire/frame.ts";
import { type FromClient, type FromProxy, handshakeVersion } from "#wire/handshake.ts";

/** The far end of one stream to a proxy, played by a test. */
export interface ProxySide {
  /** The client's end. */
  readonly client: Duplex;
  readonly stream: Duplex;
  say(...messages: readonly FromProxy[]): void;
  /** The client's next message. */
  hear(): Promise<FromClient>;
  /** Bytes after the messages, as they come: the database protocol. */
  rest(bytes: number): Promise<Buffer>;
}

/** A stream whose far end has not spoken yet. */
export function proxySide(): ProxySide {
  const [client, stream] = duplexPair();
  const reader = new FrameReader();
  let wake = (): void => {};
  const arrived = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  stream.on("data", (chunk: Buffer) => {
    reader.push(chunk);
    wake();
  });
  stream.on("error", () => {});
  return {
    client,
    stream,
    say(...messages) {
      stream.write(Buffer.concat(messages.map((message) => encodeFrame(message))));
    },
    async hear() {
      for (;;) {
        const message = reader.next();
        if (message !== undefined) {
          return message as FromClient;
        }
        await arrived();
      }
    },
    async rest(bytes) {
      let got = reader.rest();
      while (got.length < bytes) {
        await arrived();
        got = Buffer.concat([got, reader.rest()]);
      }
      return got;
    },
  };
}

/** The greeting of the installation `test`. */
export const hello: FromProxy = {
  type: "hello",
  version: handshakeVersion,
  installation: "test",
  nonce: "nonce-1",
};
