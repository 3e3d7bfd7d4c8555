import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { coerceError, UserError } from "#lib/errors.ts";
import { StoreEngine } from "./engine.ts";
import type { EngineOptions, PlainError, StoreRequest, StoreResponse } from "./messages.ts";

/** Entry of a store's worker thread: one engine, one request after the other. */
if (parentPort !== null) {
  serve(parentPort, workerData as EngineOptions);
}

function serve(port: MessagePort, options: EngineOptions): void {
  const reply = (response: StoreResponse): void => port.postMessage(response);
  let engine: StoreEngine;
  try {
    engine = new StoreEngine(options);
  } catch (thrown) {
    reply({ id: "opening", error: plainError(thrown) });
    return;
  }
  port.on("message", ({ id, method, args }: StoreRequest) => {
    try {
      // The arguments were checked where `AuditStore` made the request; both ends are the same release.
      const call = engine[method] as (...args: readonly unknown[]) => unknown;
      reply({ id, value: call.apply(engine, [...args]) });
    } catch (thrown) {
      reply({ id, error: plainError(thrown) });
    }
    if (method === "close") {
      port.close();
    }
  });
}

function plainError(thrown: unknown): PlainError {
  const error = coerceError(thrown);
  const { name, message } = error;
  return error instanceof UserError
    ? { name, message, user: { code: error.code, why: error.why, next: error.next } }
    : { name, message };
}
