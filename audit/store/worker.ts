import { parentPort, workerData } from "node:worker_threads";
import { coerceError } from "#lib/errors.ts";
import { StoreEngine } from "./engine.ts";
import type { StoreRequest, StoreResponse } from "./messages.ts";

/** Entry of the store's worker thread: one engine, one request after the other. */
const port = parentPort;
if (port !== null) {
  const engine = new StoreEngine(String((workerData as { path: unknown }).path));
  port.on("message", (request: StoreRequest) => {
    port.postMessage(answer(engine, request));
    if (request.method === "close") {
      port.close();
    }
  });
}

function answer(engine: StoreEngine, request: StoreRequest): StoreResponse {
  try {
    // The arguments were checked where `AuditStore` made the request; both ends are the same release.
    const method = engine[request.method] as (...args: readonly unknown[]) => unknown;
    return { id: request.id, value: method.apply(engine, [...request.args]) };
  } catch (thrown) {
    const { name, message } = coerceError(thrown);
    return { id: request.id, error: { name, message } };
  }
}
