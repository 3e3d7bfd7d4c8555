import { Worker } from "node:worker_threads";
import { UserError } from "#lib/errors.ts";
import type {
  EngineOptions,
  PlainError,
  StoreEngineMethods,
  StoreMethod,
  StoreRequest,
  StoreResponse,
} from "./messages.ts";

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** What a thread tells unasked. */
export interface ThreadEvents {
  /** Called once, when it has died or was closed. */
  readonly onEnd: (error: Error) => void;
  /** There may be new records, of whatever process. */
  readonly onStored: () => void;
}

/** An engine in a thread of its own. After its end all calls reject. */
export class StoreThread {
  readonly #worker: Worker;
  readonly #events: ThreadEvents;
  readonly #calls = new Map<number, Call>();
  #nextID = 1;
  #ended: Error | undefined;

  /** Starts the thread. */
  constructor(options: EngineOptions, events: ThreadEvents) {
    this.#events = events;
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: options, name: "audit-store" });
    this.#worker.on("message", (response: StoreResponse) => this.#settle(response));
    this.#worker.on("error", (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on("exit", () => this.#end(new Error("the audit store is closed")));
  }

  /** Calls a method of the engine. Rejects with what it threw. */
  call<M extends StoreMethod>(
    method: M,
    ...args: Parameters<StoreEngineMethods[M]>
  ): Promise<Awaited<ReturnType<StoreEngineMethods[M]>>> {
    return this.#send(method, args) as Promise<Awaited<ReturnType<StoreEngineMethods[M]>>>;
  }

  /** Finishes what was asked for, closes the file and ends the thread. */
  async close(): Promise<void> {
    if (this.#ended === undefined) {
      await this.#send("close", []);
      this.#end(new Error("the audit store is closed"));
    }
    await this.#worker.terminate();
  }

  #send(method: StoreRequest["method"], args: readonly unknown[]): Promise<unknown> {
    if (this.#ended !== undefined) {
      return Promise.reject(this.#ended);
    }
    return new Promise((resolve, reject) => {
      const id = this.#nextID;
      this.#nextID += 1;
      this.#calls.set(id, { resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
      this.#worker.postMessage({ id, method, args });
    });
  }

  #settle(response: StoreResponse): void {
    if (response.id === "opening") {
      this.#end(revive(response.error));
      return;
    }
    if (response.id === "stored") {
      this.#events.onStored();
      return;
    }
    const call = this.#calls.get(response.id);
    this.#calls.delete(response.id);
    if ("error" in response) {
      call?.reject(revive(response.error));
    } else {
      call?.resolve(response.value);
    }
  }

  #end(error: Error): void {
    if (this.#ended !== undefined) {
      return;
    }
    this.#ended = error;
    for (const call of this.#calls.values()) {
      call.reject(error);
    }
    this.#calls.clear();
    this.#events.onEnd(error);
  }
}

/** Errors lose their class between threads; what a person is to read must not be lost. */
function revive(plain: PlainError): Error {
  if (plain.user !== undefined) {
    return new UserError(plain.user.code, plain.message, plain.user);
  }
  const error = new Error(plain.message);
  error.name = plain.name;
  return error;
}
