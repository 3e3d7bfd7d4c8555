import { once } from "node:events";
import { constants, createSecureServer, type Http2SecureServer, type Http2ServerRequest } from "node:http2";
import type { IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { type WebSocket, WebSocketServer } from "ws";
import { UserError } from "#lib/errors.ts";
import { linkMessageBytesMax } from "#wire/link.ts";
import { Connections } from "./connections.ts";
import { guardUnproven } from "./link/unproven.ts";
import { listenAt } from "./listen.ts";

/** Where proxies connect. */
export const linkPath = "/v1/link";

/** How long a connection may take, in milliseconds. What strangers begin and never finish must not stay. */
export interface ServerTimes {
  /** For TLS, and for a request's headers; a tail has sent its headers long before it goes on for hours. */
  readonly headersMs: number;
  /** For a whole request: 64 KiB at most, which the slowest line carries in seconds. */
  readonly requestMs: number;
  /** How often HTTP/1.1 connections are looked through for those that exceed one of these. */
  readonly checkMs: number;
  /** An HTTP/2 connection on which nothing passes is closed after this; a stream has heartbeats more often than that. */
  readonly idleMs: number;
  /** What is still under way then has this long: a stream whose reader has stopped reading ends with its token (auth/tokens.ts). */
  readonly closingMs: number;
}

const usualTimes: ServerTimes = {
  headersMs: 10_000,
  requestMs: 60_000,
  checkMs: 5_000,
  idleMs: 120_000,
  closingMs: 15 * 60_000,
};
/** Requests of one HTTP/2 connection at a time. A browser's pages together have some ten streams and as many requests. */
const requestsOfConnectionMax = 100;
/** How long a proxy has to answer the close of its link when the controller stops; it reconnects by itself either way. */
const linkCloseTimeoutMs = 1_000;

export interface ServerOptions {
  /** PEM. */
  readonly certificate: string;
  readonly privateKey: string;
  readonly app: Hono;
  readonly onLink: (socket: WebSocket) => void;
  /** The usual ones where absent. */
  readonly times?: Partial<ServerTimes>;
  /** The usual number where absent (`connections.ts`). */
  readonly connectionsMax?: number;
}

/** The controller's one TLS server: the control API for people and the link for proxies. */
export interface ControlServer {
  /** Serves a TCP connection that somebody else took. */
  accept(socket: Socket): void;
  close(): Promise<void>;
}

/** One that listens at a port of its own. */
export interface ListeningServer extends ControlServer {
  readonly port: number;
}

/** Of the WebSocket server. A constant of its own, because the library's types do not know `closeTimeout` yet. */
const linkServerOptions = {
  noServer: true,
  maxPayload: linkMessageBytesMax,
  perMessageDeflate: false,
  closeTimeout: linkCloseTimeoutMs,
};

/** A server that listens at a port of its own. Rejects with a `UserError` where the port is taken or the certificate does not fit. */
export async function startServer(
  options: ServerOptions & { readonly host: string; readonly port: number },
): Promise<ListeningServer> {
  const { server, control } = create(options);
  await listenAt(server, options, "listen");
  return { ...control, port: (server.address() as AddressInfo).port };
}

/** A server that is given its connections. Throws a `UserError` where the certificate does not fit. */
export function createControlServer(options: ServerOptions): ControlServer {
  const { server, control } = create(options);
  // What makes Node look through HTTP/1.1 connections for slow ones. It would not for a server that itself never listens.
  server.emit("listening");
  return control;
}

function create(options: ServerOptions): { readonly server: Http2SecureServer; readonly control: ControlServer } {
  const times = { ...usualTimes, ...options.times };
  const server = createTlsServer(options, times);
  const connections = new Connections(server, options.connectionsMax);
  server.on("session", (session) =>
    session.setTimeout(times.idleMs, () => {
      session.close();
      const timer = setTimeout(() => session.destroy(), times.closingMs);
      session.once("close", () => clearTimeout(timer));
    }),
  );
  const sockets = new WebSocketServer(linkServerOptions);
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    if (request.url !== linkPath) {
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (link) => {
      guardUnproven(link, socket);
      options.onLink(link);
    });
  });
  const control: ControlServer = {
    accept: (socket) => void server.emit("connection", socket),
    async close() {
      for (const client of sockets.clients) {
        client.close(1001);
      }
      const closed = once(server, "close");
      server.close();
      // Tails stay open for ever by design; they end with the process they watch.
      connections.destroy();
      await closed;
    },
  };
  return { server, control };
}

/** HTTP/2 for browsers: with HTTP/1.1 they make six connections in all, and every open page needs some for its streams. */
function createTlsServer(options: ServerOptions, times: ServerTimes): Http2SecureServer {
  // The library's own Request and Response stay its own: everything else in this process uses Node's.
  const listener = getRequestListener(options.app.fetch, { overrideGlobalObjects: false });
  const { certificate: cert, privateKey: key } = options;
  const settings = { maxConcurrentStreams: requestsOfConnectionMax };
  try {
    const server = createSecureServer({
      cert,
      key,
      minVersion: "TLSv1.2",
      allowHTTP1: true,
      settings,
      handshakeTimeout: times.headersMs,
    });
    // Node's types say nothing of what these bound here: the requests of HTTP/1.1, as in a server of that alone.
    Object.assign(server, {
      headersTimeout: times.headersMs,
      requestTimeout: times.requestMs,
      connectionsCheckingInterval: times.checkMs,
    });
    server.on("request", (request, response) => {
      boundBody(request, times.requestMs);
      void listener(withHost(request), response);
    });
    return server;
  } catch (error) {
    throw new UserError("CertificateUnusable", "the TLS certificate and key cannot be used", {
      why: error instanceof Error ? error.message : "",
      next: "Check --tls-cert and --tls-key: both PEM, the key belonging to the certificate.",
      cause: error,
    });
  }
}

/** HTTP/2 names the host in `:authority` (RFC 9113 8.3.1), which the library leaves out of the headers. */
function withHost(request: IncomingMessage | Http2ServerRequest): IncomingMessage | Http2ServerRequest {
  if ("authority" in request && request.headers.host === undefined) {
    request.rawHeaders.push("host", request.authority);
  }
  return request;
}

/** Node bounds how long a request of HTTP/1.1 takes to arrive, and leaves those of HTTP/2 to us. */
function boundBody(request: IncomingMessage | Http2ServerRequest, withinMs: number): void {
  if ("stream" in request && !request.stream.endAfterHeaders) {
    const { stream } = request;
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), withinMs);
    stream.once("end", () => clearTimeout(timer));
    stream.once("close", () => clearTimeout(timer));
  }
}
