import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { createInterface } from "node:readline";
import { UserError } from "#lib/errors.ts";
import type { Secret } from "#lib/secret.ts";
import type { ApiError } from "#wire/control-api.ts";
import type { Config } from "../config/config.ts";

/** The control API answers from memory; what takes longer is a network that does not work. */
const requestTimeoutMs = 30_000;
/** Lists of 10,000 grants are a few megabytes. */
const answerBytesMax = 64 * 1024 * 1024;

/** Calls the control API. Every failure is a `UserError` with the API's own words. */
export class ControlClient {
  readonly #config: Config;
  readonly #agent: Agent;
  #token: Secret | undefined;

  constructor(config: Config) {
    this.#config = config;
    this.#agent = new Agent({ keepAlive: true, ...(config.caFile ? { ca: readCa(config.caFile) } : {}) });
  }

  /** Uses this bearer token from now on. */
  signIn(token: Secret): void {
    this.#token = token;
  }

  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return (await this.#json("GET", path, undefined, signal)) as T;
  }

  async post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    return (await this.#json("POST", path, body, signal)) as T;
  }

  /** Reads newline-delimited JSON until the server or `signal` ends it. */
  async *stream<T>(path: string, signal: AbortSignal): AsyncIterable<T> {
    const response = await this.#send("GET", path, undefined, signal, 0);
    if (response.statusCode !== 200) {
      throw toUserError(response.statusCode ?? 0, await readAll(response));
    }
    for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
      if (line !== "") {
        yield JSON.parse(line) as T;
      }
    }
  }

  /** Lets go of connections, so that the process can end. */
  close(): void {
    this.#agent.destroy();
  }

  async #json(method: string, path: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    const response = await this.#send(method, path, body, signal, requestTimeoutMs);
    const text = await readAll(response);
    if (response.statusCode !== 200) {
      throw toUserError(response.statusCode ?? 0, text);
    }
    return JSON.parse(text) as unknown;
  }

  #send(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
    timeout: number,
  ): Promise<IncomingMessage> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#config.url}${path}`, {
        method,
        agent: this.#agent,
        timeout,
        ...(signal ? { signal } : {}),
        headers: {
          accept: "application/json",
          ...(text === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
          ...(this.#token ? { authorization: `Bearer ${this.#token.reveal()}` } : {}),
        },
      });
      sent.on("timeout", () => sent.destroy(new Error(`no answer within ${timeout / 1_000} s`)));
      sent.on("response", resolve);
      sent.on("error", (error) => reject(signal?.aborted ? error : this.#unreachable(error)));
      sent.end(text);
    });
  }

  #unreachable(error: Error): UserError {
    const certificate = /certificate|self.signed/i.test(error.message);
    return new UserError("ControllerUnreachable", `Sallyport at ${this.#config.url} cannot be reached`, {
      why: error.message,
      next: certificate
        ? "If its certificate comes from your own authority, name that: sallyport login --url URL --ca-file FILE"
        : "Check the network and the address: sallyport login --url URL",
      cause: error,
    });
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

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > answerBytesMax) {
      response.destroy();
      throw new UserError("AnswerTooLarge", "the control API's answer is too large to read");
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function toUserError(status: number, text: string): UserError {
  try {
    const { error } = JSON.parse(text) as ApiError;
    return new UserError(error.code, error.message, {
      ...(error.why === undefined ? {} : { why: error.why }),
      ...(error.next === undefined ? {} : { next: error.next }),
    });
  } catch {
    return new UserError("UnexpectedAnswer", `the control API answered ${status} in an unexpected form`, {
      next: "Check the address: sallyport login --url URL",
    });
  }
}
