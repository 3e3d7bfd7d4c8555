import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { KubeAccess, KubeCredentials } from "./access.ts";
import { answerTooLong, isKubeFailure, KubeFailure } from "./failure.ts";
import { kubeJSON } from "./json.ts";
import type { KubeRequest, KubeRequestRecord } from "./transport.ts";

/**
 * Time, in milliseconds, until an answer must be complete. Half of the API server's own limit of 60 s
 * (`--request-timeout`): by then it is the connection that is dead rather than the server busy.
 */
export const requestTimeoutMs = 30_000;

/** Pause, in milliseconds, before the kernel probes a quiet connection: client-go's and most load balancers' half idle time. */
export const tcpKeepAliveMs = 30_000;

/**
 * Most bytes of one answer that are kept. A page is 500 objects of about 4 KiB, which anybody who may write one can fill up to 1.5 MiB each in
 * etcd (`--max-request-bytes`), six times that in JSON. What is longer would end the process; a list then asks for smaller pages.
 */
export const answerBytesMax = 64 * 1024 * 1024;

/** What the transport needs. */
export interface TransportOptions {
  readonly access: KubeAccess;
  /** Of Sallyport; part of the user agent. */
  readonly version: string;
  readonly clock: Clock;
  /** Called once for each request that was sent or tried; must not throw. */
  readonly onRequest?: (record: KubeRequestRecord) => void;
  readonly requestTimeoutMs?: number;
  readonly answerBytesMax?: number;
}

/** Marks the failure of a request on a connection that the server had closed in the meantime. */
export const staleConnection = new Error("the kept connection was closed");

/** One request and its answer: its timer, its signals, and what they end. */
export class Exchange {
  readonly #options: TransportOptions;
  readonly #agent: http.Agent;
  readonly #signals: readonly AbortSignal[];
  readonly #startedMs: number;
  readonly #ended = Promise.withResolvers<never>();
  readonly #onAbort: () => void;
  #request: http.ClientRequest | undefined;
  #cancelTimer: () => void = () => {};
  #endedBy: unknown;
  #isRecorded = false;

  constructor(options: TransportOptions, agent: http.Agent, signals: readonly (AbortSignal | undefined)[]) {
    this.#options = options;
    this.#agent = agent;
    this.#signals = signals.flatMap((signal) => signal ?? []);
    this.#startedMs = options.clock.monotonicMs();
    this.#onAbort = () => this.#giveUp(this.#signals.find(({ aborted }) => aborted)?.reason);
    this.#ended.promise.catch(() => {});
    for (const signal of this.#signals) {
      signal.addEventListener("abort", this.#onAbort, { once: true });
    }
  }

  /** Sends; answers when the headers of the answer are there. */
  async send(request: KubeRequest): Promise<IncomingMessage> {
    const aborted = this.#signals.find((signal) => signal.aborted);
    if (aborted !== undefined) {
      this.#endedBy = coerceError(aborted.reason);
      throw this.#endedBy;
    }
    const { clock, access } = this.#options;
    const timeoutMs = request.timeoutMs ?? this.#options.requestTimeoutMs ?? requestTimeoutMs;
    this.#cancelTimer = clock.after(timeoutMs, () => {
      this.#dropIdleConnections();
      const message = `the API server did not answer ${request.method} ${request.path} within ${timeoutMs} ms`;
      this.#giveUp(new KubeFailure("unavailable", message, { reason: "Timeout" }));
    });
    const credentials = await Promise.race([withCredentials(access), this.#ended.promise]);
    return Promise.race([this.#sent(request, credentials), this.#ended.promise]);
  }

  /** From here on only signals end the exchange. */
  headersAreThere(): void {
    this.#cancelTimer();
  }

  async text(response: IncomingMessage): Promise<string> {
    const most = this.#options.answerBytesMax ?? answerBytesMax;
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > most) {
        throw new KubeFailure("refused", `the API server's answer is longer than ${most} bytes`, {
          reason: answerTooLong,
        });
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  }

  record(request: KubeRequest, code: number): void {
    if (!this.#isRecorded) {
      this.#isRecorded = true;
      this.#options.onRequest?.({
        code: code === 0 ? "<error>" : String(code),
        method: request.method,
        host: this.#options.access.server.host,
        durationMs: this.#options.clock.monotonicMs() - this.#startedMs,
      });
    }
  }

  /** What `thrown` means to the caller; counts the request where it got no answer. */
  failed(thrown: unknown, request: KubeRequest): unknown {
    this.record(request, 0);
    return this.explain(thrown);
  }

  explain(thrown: unknown): unknown {
    const cause = this.#endedBy ?? thrown;
    if (isKubeFailure(cause) || this.#endedBy !== undefined) {
      return cause;
    }
    const error = coerceError(cause);
    const { code: reason = error.name } = error as NodeJS.ErrnoException;
    const isStale = this.#request?.reusedSocket === true && reason === "ECONNRESET";
    return new KubeFailure("unavailable", `the API server cannot be reached: ${error.message}`, {
      reason,
      cause: isStale ? staleConnection : undefined,
    });
  }

  /** Frees everything. A connection whose answer was not read to its end is closed, any other is kept for the next request. */
  end(): void {
    this.#cancelTimer();
    for (const signal of this.#signals) {
      signal.removeEventListener("abort", this.#onAbort);
    }
    this.#request?.destroy();
  }

  #giveUp(reason: unknown): void {
    this.#endedBy = coerceError(reason);
    this.#ended.reject(this.#endedBy as Error);
    this.#request?.destroy(this.#endedBy as Error);
  }

  #sent(request: KubeRequest, { headers, tls, agent }: KubeCredentials): Promise<IncomingMessage> {
    const { server } = this.#options.access;
    const body = request.body === undefined ? undefined : kubeJSON(request.body);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const send = server.protocol === "http:" ? http.request : https.request;
    const sent = send({
      ...tls,
      agent: agent ?? this.#agent,
      protocol: server.protocol,
      hostname: server.hostname.replace(/^\[|\]$/g, ""),
      port: server.port,
      method: request.method,
      path: `${server.pathname.replace(/\/$/, "")}${request.path}${queryOf(request)}`,
      headers: {
        ...headers,
        accept: "application/json",
        "user-agent": `sallyport/${this.#options.version}`,
        // Node states no length for the body of a DELETE: the server would take it for the next request on the connection.
        ...(body === undefined
          ? {}
          : { "content-type": request.contentType ?? "application/json", "content-length": Buffer.byteLength(body) }),
      },
    });
    this.#request = sent;
    sent.on("socket", (socket) => socket.setKeepAlive(true, tcpKeepAliveMs));
    sent.on("error", reject);
    sent.on("response", resolve);
    sent.end(body);
    return promise;
  }

  /** A server that is silent on one connection has most likely gone from all: the next requests must not try each of them in turn. */
  #dropIdleConnections(): void {
    for (const socket of Object.values(this.#agent.freeSockets).flatMap((sockets) => sockets ?? [])) {
      socket.destroy();
    }
  }
}

async function withCredentials(access: KubeAccess): Promise<KubeCredentials> {
  try {
    return await access.credentials();
  } catch (thrown) {
    const { message } = coerceError(thrown);
    throw new KubeFailure("unauthorized", `no credentials for the API server could be obtained: ${message.trim()}`, {
      reason: "NoCredentials",
    });
  }
}

function queryOf({ query = {} }: KubeRequest): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
}
