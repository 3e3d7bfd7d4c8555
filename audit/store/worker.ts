import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { coerceError, UserError } from "#lib/errors.ts";
import { StoreEngine } from "./engine.ts";
import type { EngineOptions, PlainError, StoreEngineMethods, StoreRequest, StoreResponse } from "./messages.ts";

/** Entry of a store's worker thread: one engine. Over SQLite it answers one request after the other. */
if (parentPort !== null) {
  await serve(parentPort, workerData as EngineOptions);
}

async function serve(port: MessagePort, options: EngineOptions): Promise<void> {
  const reply = (response: StoreResponse): void => port.postMessage(response);
  let engine: StoreEngineMethods;
  try {
    engine = await openEngine(options, () => reply({ id: "stored" }));
  } catch (thrown) {
    reply({ id: "opening", error: plainError(thrown) });
    return;
  }
  const answering = new Set<Promise<void>>();
  const answer = async ({ id, method, args }: StoreRequest): Promise<void> => {
    try {
      if (method === "close") {
        await Promise.all(answering);
      }
      // The arguments were checked where `AuditStore` made the request; both ends are the same release.
      const call = engine[method] as (...args: readonly unknown[]) => unknown;
      reply({ id, value: await call.apply(engine, [...args]) });
    } catch (thrown) {
      reply({ id, error: plainError(thrown) });
    }
    if (method === "close") {
      port.close();
    }
  };
  port.on("message", (request: StoreRequest) => {
    const answered = answer(request).finally(() => answering.delete(answered));
    answering.add(answered);
  });
}

async function openEngine(options: EngineOptions, onStored: () => void): Promise<StoreEngineMethods> {
  if (options.kind === "sqlite") {
    return new StoreEngine(options);
  }
  // Loaded where it is needed: most installations have no Postgres.
  const { PostgresEngine } = await import("./postgres/engine.ts");
  return new PostgresEngine(options, onStored);
}

function plainError(thrown: unknown): PlainError {
  const error = coerceError(thrown);
  const { name, message } = error;
  return error instanceof UserError
    ? { name, message, user: { code: error.code, why: error.why, next: error.next } }
    : { name, message };
}
