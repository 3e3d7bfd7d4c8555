import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createServer, type AddressInfo } from "node:net";
import { encodeFrame, FrameReader } from "#wire/frame.ts";
import type { FromProxy, Hello } from "#wire/handshake.ts";

/** One stream to the proxy, as a tunnel opens it. */
export class ProxyStream {
  readonly socket: Socket;
  readonly #frames = new FrameReader();
  #received: FromProxy[] = [];
  #wake: (() => void) | undefined;
  isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", this.#onData);
    socket.on("close", () => {
      this.isClosed = true;
      this.#wake?.();
    });
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#frames.push(chunk);
    for (let message = this.#frames.next(); message !== undefined; message = this.#frames.next()) {
      this.#received.push(message as FromProxy);
    }
    this.#wake?.();
  };

  static async open(port: number, host = "127.0.0.1"): Promise<{ stream: ProxyStream; hello: Hello }> {
    const socket = connect({ host, port });
    await once(socket, "connect");
    const stream = new ProxyStream(socket);
    return { stream, hello: (await stream.next("hello")) as Hello };
  }

  send(message: unknown): void {
    this.socket.write(encodeFrame(message));
  }

  /** The next message of one of these types; others before it are dropped. Rejects when the stream closes first. */
  async next(...types: readonly FromProxy["type"][]): Promise<FromProxy> {
    for (;;) {
      const at = this.#received.findIndex((message) => types.includes(message.type));
      if (at >= 0) {
        const found = this.#received[at] as FromProxy;
        this.#received = this.#received.slice(at + 1);
        return found;
      }
      if (this.isClosed) {
        throw new Error("the proxy closed the stream");
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Goes over to the database protocol: bytes are no longer frames. */
  detach(): Buffer {
    this.socket.off("data", this.#onData);
    this.socket.pause();
    return this.#frames.rest();
  }
}

/** A local port whose connections become data streams, as `sallyport rds proxy` makes them. */
export async function listenLocally(
  proxyPort: number,
  ticket: () => string,
): Promise<{ port: number; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((local) => {
    sockets.add(local);
    local.on("error", () => {});
    local.on("close", () => sockets.delete(local));
    local.pause();
    void (async () => {
      const { stream } = await ProxyStream.open(proxyPort);
      stream.send({ type: "open", ticket: ticket() });
      await stream.next("welcome", "refuse");
      local.write(stream.detach());
      stream.socket.pipe(local).pipe(stream.socket);
      stream.socket.on("close", () => local.destroy());
      local.on("close", () => stream.socket.destroy());
    })().catch(() => local.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
      await once(server, "close");
    },
  };
}
