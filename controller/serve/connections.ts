import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/**
 * Connections at one time. One over TLS takes some 75 KiB (measured with 6,000 idle ones of HTTP/2): 150 MiB of the 1 GiB that a
 * controller has. An installation has tens of proxies, and a person some ten streams.
 */
export const connectionsMax = 2_048;

interface Connection {
  readonly socket: Socket;
  /** Requests and links that are open on it. */
  open: number;
}

/**
 * What is connected to the server. Where all places are taken, whoever has asked for nothing for the longest time makes room: strangers
 * who only hold connections keep nobody out, whatever they send to look alive.
 */
export class Connections {
  readonly #max: number;
  /** By the peer's address and port; those that have been without a request for the longest time first. */
  readonly #all = new Map<string, Connection>();

  /** `max`: places there are. */
  constructor(server: Http2SecureServer, max = connectionsMax) {
    this.#max = max;
    server.on("connection", (socket: Socket) => this.#add(socket));
    server.on(
      "request",
      (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) =>
        this.#open(request.socket, response),
    );
    // What such a connection sends and takes until it is proven is bounded elsewhere (link/unproven.ts).
    server.on("upgrade", (_request: IncomingMessage, socket: Duplex) => this.#open(socket as Socket, socket));
  }

  /** Cuts all of them off. */
  destroy(): void {
    for (const { socket } of this.#all.values()) {
      socket.destroy();
    }
  }

  #add(socket: Socket): void {
    if (this.#all.size >= this.#max) {
      const idle = [...this.#all.values()].find(({ open }) => open === 0);
      (idle?.socket ?? socket).destroy();
    }
    const key = keyOf(socket);
    const connection = { socket, open: 0 };
    this.#all.set(key, connection);
    socket.once("close", () => {
      if (this.#all.get(key) === connection) {
        this.#all.delete(key);
      }
    });
  }

  #open(socket: Pick<Socket, "remoteAddress" | "remotePort">, until: Pick<EventEmitter, "once">): void {
    const key = keyOf(socket);
    const connection = this.#all.get(key);
    if (connection === undefined) {
      return;
    }
    connection.open += 1;
    until.once("close", () => {
      connection.open -= 1;
      if (this.#all.get(key) === connection) {
        this.#all.delete(key);
        this.#all.set(key, connection);
      }
    });
  }
}

/** TLS has a socket of its own over each connection, at the same address. */
function keyOf({ remoteAddress, remotePort }: Pick<Socket, "remoteAddress" | "remotePort">): string {
  return `${remoteAddress ?? ""} ${remotePort ?? 0}`;
}
