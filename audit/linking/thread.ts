import { Worker } from "node:worker_threads";
import { coerceError } from "#lib/errors.ts";
import { Linking, type LinkedBatch, type LinkingOptions, type LinkRequest } from "./linking.ts";

/** Worker to main thread. */
export type LinkResponse = { readonly batch: LinkedBatch } | { readonly error: string };

/** Linking as the journal uses it: one request at a time. After an error it can be used again. */
export interface LinkingPort {
  next(request: LinkRequest): Promise<LinkedBatch>;
  close(): void;
}

interface Waiting {
  readonly resolve: (batch: LinkedBatch) => void;
  readonly reject: (error: Error) => void;
}

/** `Linking` in a thread of its own, started with the first request. A thread that has died is replaced at the next one. */
export class LinkingThread implements LinkingPort {
  readonly #options: () => LinkingOptions;
  #worker: Worker | undefined;
  #waiting: Waiting | undefined;

  /** `options`: asked whenever a thread is started. */
  constructor(options: () => LinkingOptions) {
    this.#options = options;
  }

  next(request: LinkRequest): Promise<LinkedBatch> {
    return new Promise((resolve, reject) => {
      if (this.#waiting !== undefined) {
        reject(new Error("records are being linked already"));
        return;
      }
      this.#waiting = { resolve, reject };
      this.#worker ??= this.#start();
      this.#worker.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
      this.#worker.postMessage(request);
    });
  }

  close(): void {
    const worker = this.#worker;
    this.#end(worker, new Error("the journal is closed"));
    void worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData: this.#options(),
      name: "audit-linking",
    });
    worker.on("message", (response: LinkResponse) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      worker.unref();
      if ("batch" in response) {
        waiting?.resolve(response.batch);
      } else {
        waiting?.reject(new Error(response.error));
      }
    });
    worker.on("error", (error) => this.#end(worker, coerceError(error)));
    worker.on("exit", () => this.#end(worker, new Error("the linking thread has ended")));
    return worker;
  }

  #end(worker: Worker | undefined, error: Error): void {
    if (this.#worker !== worker) {
      return;
    }
    this.#worker = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }
}

/** `Linking` in the caller's thread, for tests. */
export function linkingHere(options: () => LinkingOptions): LinkingPort {
  let linking: Linking | undefined;
  return {
    next: (request) =>
      new Promise((resolve) => {
        linking ??= new Linking(options());
        resolve(linking.next(request));
      }),
    close: () => linking?.close(),
  };
}
