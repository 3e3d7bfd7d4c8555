import { systemClock } from "#lib/clock.ts";
import { openJournal } from "../journal.ts";
import { inlineCharactersMax } from "../large-text.ts";
import { endBody, openBody, startBody } from "./bodies.ts";
import { crashLimits, CrashStore } from "./crash-store.ts";

/**
 * A process for tests to kill: writes sessions to the journal in the directory given as its first argument for ever, ships them to
 * the file given as the second, and prints the sequence number of each record once the journal has said that it is written.
 */
const [directory = "", storePath = ""] = process.argv.slice(2);
const journal = openJournal({ directory, proxy: "default/main", task: "t1", clock: systemClock, limits: crashLimits });
const store = new CrashStore(storePath);
await journal.closeCrashed();

/** Printed in one piece with a single system call, so that a line that is read was whole. */
function report(): void {
  process.stdout.write(`${journal.writtenSeq}\n`);
}

/** Ships beside the writing, in batches of all sizes. */
async function ship(): Promise<never> {
  for (let round = 0; ; round += 1) {
    if (!(await store.takeFrom(journal, 1 + ((round * 7_919) % 100_000)))) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

// The first batch starts the thread; from then on shipping keeps up.
await journal.write({ kind: "gap", count: 0, reason: "spool-full" });
await store.takeFrom(journal, 1);
void ship();
for (let round = 1; ; round += 1) {
  const session = `${process.pid}-${round}`;
  await journal.write(openBody(session));
  for (let statement = 1; statement <= 50; statement += 1) {
    const length = statement === 20 ? inlineCharactersMax + round : (statement * 37) % 2_000;
    const sql = "x".repeat(length);
    const writes = [
      journal.write(startBody(session, statement, { sql }), { durability: statement % 7 === 0 ? "Synced" : "Written" }),
      journal.write(endBody(session, statement)),
    ];
    const results = await Promise.all(writes);
    if (results.every((result) => result === "written")) {
      report();
    }
  }
  await journal.write({ kind: "session.close", session, reason: "client-closed", backend: "gone" });
  report();
}
