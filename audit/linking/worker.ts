import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { coerceError } from "#lib/errors.ts";
import { Linking, type LinkingOptions, type LinkRequest } from "./linking.ts";
import type { LinkResponse } from "./thread.ts";

/**
 * Niceness of the linking thread. Statements wait for the event loop, nobody waits for this thread but `Remote`: with 5 it gets about
 * a quarter of a core that both want (Linux weighs 1024 to 335, sched(7)), which still links faster than one core records.
 */
const niceness = 5;

/** Entry of the linking thread: one request after the other. */
if (parentPort !== null) {
  yieldToOthers();
  serve(parentPort, workerData as LinkingOptions);
}

function serve(port: MessagePort, options: LinkingOptions): void {
  const linking = new Linking(options);
  port.on("message", (request: LinkRequest) => {
    try {
      const batch = linking.next(request);
      const response: LinkResponse = { batch };
      port.postMessage(response, [batch.bytes.buffer]);
    } catch (thrown) {
      const response: LinkResponse = { error: coerceError(thrown).message };
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
      port.postMessage(response);
    }
  });
}

/** Linux gives each thread a niceness of its own (setpriority(2)), by the thread's number, which only its own file tells. */
function yieldToOthers(): void {
  try {
    setPriority(Number(readlinkSync("/proc/thread-self").split("/").at(-1)), niceness);
  } catch {
    // Another system, or not allowed: it works as well, with more weight.
  }
}
