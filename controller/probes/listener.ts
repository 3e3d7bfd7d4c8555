import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTLSServer } from "node:https";
import type { AddressInfo } from "node:net";
import { coerceError, UserError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export interface HTTPAnswer {
  readonly status: number;
  readonly body: string;
  /** Absent: plain text. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ListenerOptions {
  readonly address: ListenAddress;
  /** PEM certificate chain and key; absent: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly log: Log;
  /** Answers a GET or HEAD. */
  readonly answer: (url: URL, request: IncomingMessage) => HTTPAnswer | Promise<HTTPAnswer>;
}

export interface HTTPListener {
  readonly port: number;
  close(): Promise<void>;
}

/** A scraper and a kubelet each hold a connection or two; more than this is somebody else. */
export const connectionsMax = 64;
/** A request has no body and a header or two: who takes longer to send it only holds a connection, in milliseconds. */
const requestTimeoutMs = 10_000;

/** A small HTTP server for machines. Rejects with a `UserError` where the address cannot be had. */
export async function listenHTTP(options: ListenerOptions): Promise<HTTPListener> {
  const { address, tls, log } = options;
  const handle: RequestListener = (request, response) => {
    void respond(options, request)
      .catch((error: unknown): HTTPAnswer => {
        log.error("a request of a probe or scraper failed", { path: request.url, error: coerceError(error) });
        return { status: 500, body: "internal server error\n" };
      })
      .then(({ status, body, contentType = "text/plain; charset=utf-8", headers = {} }) => {
        const fixed = { "content-type": contentType, "x-content-type-options": "nosniff", "cache-control": "no-store" };
        response.writeHead(status, { ...fixed, "content-length": Buffer.byteLength(body), ...headers });
        response.end(request.method === "HEAD" ? undefined : body);
      });
  };
  const timeouts = { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs };
  const server = tls === undefined ? createServer(timeouts, handle) : createTLSServer({ ...timeouts, ...tls }, handle);
  server.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new UserError("CannotListen", `${address.host}:${address.port} cannot be listened on`, {
          why: error.message,
          next: "Give another address with --probe-listen or --metrics-listen.",
          cause: error,
        }),
      ),
    );
    server.listen(address.port, address.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond({ answer }: ListenerOptions, request: IncomingMessage): Promise<HTTPAnswer> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return { status: 405, body: "only GET is answered\n", headers: { allow: "GET, HEAD" } };
  }
  const target = `http://local${request.url ?? "/"}`;
  return URL.canParse(target) ? answer(new URL(target), request) : { status: 400, body: "not a path\n" };
}
