import path from "node:path";
import { HeadFile } from "#audit/head-place.ts";
import type { Cursor } from "#audit/sinks/cursor.ts";
import { FileCursors } from "#audit/sinks/file-cursors.ts";
import { AuditStore } from "#audit/store/store.ts";
import { readSinks } from "#controller/sinks/read-sinks.ts";
import { startSinks } from "#controller/sinks/sinks.ts";
import type { ControllerWorld } from "#controller/world.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";

/**
 * The controller's sinks on a store that is there and its head log, in a process that kills itself: `node crash-child.ts STORE CURSORS URL WRITES WHEN`. After
 * that many moves of the cursor it dies right before or right after the next one is written. Ends well once everything is delivered.
 */
const [file = "", cursorFile = "", url = "", writes = "0", when = "before"] = process.argv.slice(2);

const store = await AuditStore.open({ path: file, clock: systemClock });
const heads = await HeadFile.open(path.join(path.dirname(file), "heads"));
const cursors = await FileCursors.open(cursorFile);
let left = Number(writes);
const parent = process.ppid;

function die(): never {
  process.kill(process.pid, "SIGKILL");
  // The signal needs no turn of the event loop.
  throw new Error("unreachable");
}

const world = {
  clock: systemClock,
  log: silentLog,
  newID: () => crypto.randomUUID(),
  environment: process.env,
  hostName: "controller-0",
  options: { sinks: readSinks(url), installation: "acme", region: "eu-central-1" },
} as unknown as ControllerWorld;

const sinks = await startSinks(world, {
  store,
  heads,
  cursors: {
    read: (sink) => cursors.read(sink),
    async write(sink, cursor: Cursor) {
      const isDue = (left -= 1) < 0;
      if (isDue && when === "before") {
        die();
      }
      await cursors.write(sink, cursor);
      if (isDue) {
        die();
      }
    },
  },
});
const wanted = [await store.newest(), await heads.newest()];
while (wanted.some((newest, index) => (sinks.status()[index]?.position ?? 0) < newest)) {
  await new Promise((resolve) => setTimeout(resolve, 10));
  if (process.ppid !== parent) {
    // Whoever waited for this is gone.
    process.exit(1);
  }
}
await sinks.stop();
await heads.close();
await store.close();
