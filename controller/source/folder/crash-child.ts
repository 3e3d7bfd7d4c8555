import { writeSync } from "node:fs";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { createFolderSource } from "./source.ts";

/**
 * The process that the crash test kills: scans and writes status as fast as it can, and says on standard output, after each
 * write was acknowledged, what a restart must find. Arguments: folder, state directory.
 */
const [, , folder = "", state = ""] = process.argv;
const source = createFolderSource({ folder, state, clock: systemClock, log: silentLog });
await source.start();
for (;;) {
  await source.rescan();
  for (const { object } of source.list("Grant")) {
    const count = Number(object.status?.grantID ?? "0") + 1;
    await source.writeStatus(object, (old) => ({ ...old, grantID: String(count) }));
    const { name, uid, generation } = object.metadata;
    writeSync(1, `${JSON.stringify({ name, uid, generation, count })}\n`);
  }
}
