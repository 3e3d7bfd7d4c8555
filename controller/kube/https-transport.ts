import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { Exchange, staleConnection, tcpKeepAliveMs, type TransportOptions } from "./exchange.ts";
import { isKubeFailure, KubeFailure } from "./failure.ts";
import { linesOf } from "./line-splitter.ts";
import { failureOf } from "./status.ts";
import type { KubeLines, KubeRequest, KubeTransport } from "./transport.ts";

/** Shortest time, in milliseconds, between two refreshes after "unauthorized": a plugin that is asked may start a process. */
const refreshPeriodMs = 10_000;

/** The transport on `node:https`: one agent, so that requests share connections. */
export function createKubeTransport(options: TransportOptions): KubeTransport {
  return new HttpsTransport(options);
}

class HttpsTransport implements KubeTransport {
  readonly #options: TransportOptions;
  readonly #agent: http.Agent;
  readonly #closing = new AbortController();
  #refreshedMs = Number.NEGATIVE_INFINITY;

  constructor(options: TransportOptions) {
    this.#options = options;
    const { Agent } = options.access.server.protocol === "http:" ? http : https;
    this.#agent = new Agent({ keepAlive: true, keepAliveMsecs: tcpKeepAliveMs, scheduling: "lifo" });
  }

  async request<T>(request: KubeRequest): Promise<T> {
    try {
      return await this.#requestOnce<T>(request);
    } catch (thrown) {
      if (await this.#mayRepeat(thrown, request)) {
        return this.#requestOnce<T>(request);
      }
      throw thrown;
    }
  }

  lines(request: KubeRequest): KubeLines {
    const own = new AbortController();
    const close = (): void => own.abort();
    const iterate = async function* (this: HttpsTransport): AsyncGenerator<string> {
      const exchange = new Exchange(this.#options, this.#agent, [this.#closing.signal, request.signal, own.signal]);
      try {
        yield* linesOf(await this.#opened(exchange, request));
      } catch (thrown) {
        if (!own.signal.aborted) {
          throw exchange.explain(thrown);
        }
      } finally {
        exchange.end();
      }
    };
    return { close, [Symbol.asyncIterator]: () => iterate.call(this) };
  }

  close(): void {
    this.#closing.abort(new KubeFailure("unavailable", "the connection to the API server was closed"));
    this.#agent.destroy();
  }

  async #requestOnce<T>(request: KubeRequest): Promise<T> {
    const exchange = new Exchange(this.#options, this.#agent, [this.#closing.signal, request.signal]);
    try {
      const response = await exchange.send(request);
      const text = await exchange.text(response);
      exchange.record(request, response.statusCode ?? 0);
      if (!isSuccess(response)) {
        throw this.#refusal(response, text);
      }
      return parsed(text) as T;
    } catch (thrown) {
      throw exchange.failed(thrown, request);
    } finally {
      exchange.end();
    }
  }

  async #opened(exchange: Exchange, request: KubeRequest): Promise<IncomingMessage> {
    try {
      const response = await exchange.send(request);
      exchange.record(request, response.statusCode ?? 0);
      if (!isSuccess(response)) {
        const refusal = this.#refusal(response, await exchange.text(response));
        await this.#refreshFor(refusal);
        throw refusal;
      }
      exchange.headersAreThere();
      return response;
    } catch (thrown) {
      throw exchange.failed(thrown, request);
    }
  }

  #refusal(response: IncomingMessage, text: string): KubeFailure {
    return failureOf(response.statusCode ?? 0, text, response.headers["retry-after"], this.#options.clock.now());
  }

  /** Nothing was done by a request that was not let in, nor by a read whose kept-alive connection was closed under it. */
  async #mayRepeat(thrown: unknown, request: KubeRequest): Promise<boolean> {
    if (request.signal?.aborted || this.#closing.signal.aborted) {
      return false;
    }
    const wasStale = isKubeFailure(thrown, "unavailable") && thrown.cause === staleConnection;
    return (wasStale && request.method === "GET") || this.#refreshFor(thrown);
  }

  async #refreshFor(thrown: unknown): Promise<boolean> {
    const { access, clock } = this.#options;
    if (!isKubeFailure(thrown, "unauthorized") || clock.monotonicMs() - this.#refreshedMs < refreshPeriodMs) {
      return false;
    }
    this.#refreshedMs = clock.monotonicMs();
    try {
      await access.refresh();
      return true;
    } catch {
      // The refusal of the server says more to whoever asked.
      return false;
    }
  }
}

function isSuccess({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

function parsed(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    throw new KubeFailure("unavailable", "the API server's answer is not JSON", { reason: "NotJSON" });
  }
}
