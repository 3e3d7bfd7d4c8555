import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { CancelTimer, Clock } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { Secret } from "#lib/secret.ts";
import type { Config } from "../config/config.ts";
import { ControlFailure, failureOf, unexpectedAnswer, unreachable } from "./failure.ts";
import { linesOf } from "./lines.ts";

/** The control API answers from memory, or after a few calls to AWS; what takes longer is a network that does not work. */
const requestTimeoutMs = 30_000;
/** Lists of 10,000 grants are a few megabytes. */
const answerBytesMax = 64 * 1024 * 1024;
/** Three heartbeats of a stream (controller/serve/streams/heartbeat.ts): a connection that is silent for longer is dead, whatever TCP thinks. */
export const streamSilenceMaxMs = 45_000;

/** What a call may state. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Sent without the bearer token; for what must work before signing in. */
  readonly anonymous?: boolean;
  /** Silence that ends the call; absent: 30 s. For a call that makes the controller work. */
  readonly timeoutMs?: number;
}

interface Call extends CallOptions {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: unknown;
}

/** Calls the control API. Every failure is a `ControlFailure` with the API's own words, or the reason of `signal`. */
export class ControlClient {
  readonly #url: string;
  readonly #agent: Agent;
  readonly #clock: Clock;
  #token: Secret | undefined;
  #renew: (() => Promise<Secret>) | undefined;
  #renewing: Promise<void> | undefined;

  constructor(config: Config, clock: Clock) {
    this.#url = config.url;
    this.#clock = clock;
    this.#agent = new Agent({ keepAlive: true, ...(config.caFile ? { ca: readCa(config.caFile) } : {}) });
  }

  /** Uses this bearer token from now on, and asks `renew` for the next when the API says that it is over. */
  signIn(token: Secret, renew: () => Promise<Secret>): void {
    this.#token = token;
    this.#renew = renew;
  }

  async get<T>(path: string, options: CallOptions = {}): Promise<T> {
    return (await this.#json({ method: "GET", path, ...options })) as T;
  }

  async post<T>(path: string, body: unknown, options: CallOptions = {}): Promise<T> {
    return (await this.#json({ method: "POST", path, body, ...options })) as T;
  }

  /** Reads newline-delimited JSON until the server or `signal` ends it. Rejects when the connection breaks, or is silent too long. */
  async *stream<T>(path: string, signal: AbortSignal): AsyncGenerator<T, void, void> {
    const response = await this.#send({ method: "GET", path, signal });
    const status = response.statusCode ?? 0;
    if (status !== 200) {
      throw failureOf(status, await this.#readAll(response));
    }
    // From here on silence is counted by what arrives, since heartbeats do.
    response.socket.setTimeout(0);
    const watch = new SilenceWatch(response, this.#clock);
    try {
      for await (const line of linesOf(response)) {
        watch.hold();
        if (line !== "") {
          yield parse(line, status) as T;
        }
        watch.heard();
      }
    } catch (error) {
      throw signal.aborted || error instanceof ControlFailure ? error : unreachable(this.#url, coerceError(error));
    } finally {
      watch.stop();
      response.destroy();
    }
  }

  /** Lets go of connections that wait for the next call: after a sleep they may be dead without a word of it. */
  forgetIdle(): void {
    for (const socket of Object.values(this.#agent.freeSockets).flat()) {
      socket?.destroy();
    }
  }

  /** Lets go of connections, so that the process can end. */
  close(): void {
    this.#agent.destroy();
  }

  async #json(call: Call): Promise<unknown> {
    const response = await this.#send(call);
    const status = response.statusCode ?? 0;
    const text = await this.#readAll(response).catch((error: unknown) => {
      throw call.signal?.aborted || error instanceof UserError ? error : unreachable(this.#url, coerceError(error));
    });
    if (status !== 200) {
      throw failureOf(status, text);
    }
    return parse(text, status);
  }

  /** Sends with the token that holds; signs in again once when it does not. */
  async #send(call: Call): Promise<IncomingMessage> {
    const token = call.anonymous === true ? undefined : this.#token;
    const response = await this.#sendOnce(call, token);
    if (response.statusCode !== 401 || token === undefined || this.#renew === undefined) {
      return response;
    }
    response.resume();
    if (this.#token === token) {
      await this.#signInAgain(this.#renew);
    }
    return this.#sendOnce(call, this.#token);
  }

  /** One sign-in, however many calls found the token over at the same moment. */
  #signInAgain(renew: () => Promise<Secret>): Promise<void> {
    this.#renewing ??= renew()
      .then((token) => {
        this.#token = token;
      })
      .finally(() => {
        this.#renewing = undefined;
      });
    return this.#renewing;
  }

  #sendOnce(call: Call, token: Secret | undefined, retried = false): Promise<IncomingMessage> {
    const { method, path, body, signal, timeoutMs = requestTimeoutMs } = call;
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#url}${path}`, {
        method,
        agent: this.#agent,
        timeout: timeoutMs,
        ...(signal ? { signal } : {}),
        headers: {
          accept: "application/json",
          ...(text === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
          ...(token ? { authorization: `Bearer ${token.reveal()}` } : {}),
        },
      });
      sent.on("timeout", () => sent.destroy(new Error(`no answer within ${timeoutMs / 1_000} s`)));
      sent.on("response", resolve);
      sent.on("error", (error: NodeJS.ErrnoException) => {
        if (sent.reusedSocket && !retried && (error.code === "ECONNRESET" || error.code === "EPIPE")) {
          // The server closed a connection that it had left idle while this call was on its way: it never saw it.
          resolve(this.#sendOnce(call, token, true));
        } else {
          reject(signal?.aborted ? error : unreachable(this.#url, error));
        }
      });
      sent.end(text);
    });
  }

  async #readAll(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > answerBytesMax) {
        throw new ControlFailure(413, "AnswerTooLarge", "the control API's answer is too large to read");
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  }
}

/** Breaks a stream that has been silent for too long. */
class SilenceWatch {
  readonly #response: IncomingMessage;
  readonly #clock: Clock;
  #heardMs: number;
  #isHeld = false;
  #cancel: CancelTimer = () => {};

  constructor(response: IncomingMessage, clock: Clock) {
    this.#response = response;
    this.#clock = clock;
    this.#heardMs = clock.monotonicMs();
    this.#arm(streamSilenceMaxMs);
  }

  /** Something came, and whoever reads it takes their time: that is not the server's silence. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Silence counts from now. */
  heard(): void {
    this.#isHeld = false;
    this.#heardMs = this.#clock.monotonicMs();
  }

  stop(): void {
    this.#cancel();
  }

  /** One timer for the whole stream: it looks how much of the silence is left when it fires. */
  #arm(delayMs: number): void {
    this.#cancel = this.#clock.after(delayMs, () => {
      const leftMs = this.#heardMs + streamSilenceMaxMs - this.#clock.monotonicMs();
      if (this.#isHeld || leftMs > 0) {
        this.#arm(this.#isHeld ? streamSilenceMaxMs : leftMs);
      } else {
        this.#response.destroy(new Error(`nothing heard for ${streamSilenceMaxMs / 1_000} s`));
      }
    });
  }
}

function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw unexpectedAnswer(status);
  }
}

function readCa(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UserError("CaUnreadable", `the CA file ${file} cannot be read`, {
      next: "Name a PEM file: sallyport login --url URL --ca-file FILE",
      cause: error,
    });
  }
}
