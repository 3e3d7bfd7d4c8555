import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Answer } from "./answer.ts";
import { type HttpRequest, readRequest } from "./request.ts";

/** What the listener hands requests to. */
export interface Handlers {
  /** AWS calls and pages. `dropped`: close the connection without an answer. */
  readonly request: (request: HttpRequest) => Promise<Answer | "dropped">;
  /** Websocket upgrades. Must answer or destroy the socket. */
  readonly upgrade: (message: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Wall clock that the `Date` header shows; SDKs correct their own clock by it. */
  readonly now: () => number;
}

/** A listening server. */
export interface Listener {
  readonly port: number;
  /** Closes every connection and stops listening. */
  stop(): Promise<void>;
}

/**
 * How long an idle connection is kept, in ms. Node's five seconds end just when a client that polls every five sends again, and
 * the client then sees a reset; AWS keeps connections for some tens of seconds.
 */
const keepAliveMs = 60_000;

/** Starts to listen. Rejects when the address cannot be bound. */
export async function listen(host: string, port: number, handlers: Handlers): Promise<Listener> {
  const server = createServer((message, response) => {
    void serve(message, response, handlers);
  });
  server.keepAliveTimeout = keepAliveMs;
  server.on("upgrade", handlers.upgrade);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return { port: (server.address() as AddressInfo).port, stop: () => stop(server) };
}

async function serve(message: IncomingMessage, response: ServerResponse, handlers: Handlers): Promise<void> {
  response.on("error", () => response.destroy());
  try {
    const request = await readRequest(message);
    const answer = request === undefined ? tooLarge : await handlers.request(request);
    if (answer === "dropped") {
      message.socket.destroy();
      return;
    }
    response.writeHead(answer.status, {
      ...answer.headers,
      date: new Date(handlers.now()).toUTCString(),
      "content-length": Buffer.byteLength(answer.body),
    });
    response.end(request?.method === "HEAD" ? undefined : answer.body);
  } catch {
    // The client went away while it was sending; there is nobody to answer.
    message.socket.destroy();
  }
}

const tooLarge: Answer = {
  status: 413,
  headers: { "content-type": "application/json", connection: "close" },
  body: JSON.stringify({ __type: "RequestEntityTooLargeException", Message: "The request body is too large." }),
};

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
