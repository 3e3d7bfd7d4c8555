import { systemClock } from "#lib/clock.ts";
import { openJournal } from "../journal.ts";
import { endBody, openBody, startBody } from "./bodies.ts";

/**
 * A process for tests to kill: writes sessions to the journal in the directory given as its argument for ever, and prints the
 * sequence number of each record once the journal has said that it is written.
 */
const journal = openJournal({
  directory: process.argv[2] ?? "",
  proxy: "default/main",
  task: "t1",
  clock: systemClock,
});
await journal.closeCrashed();

/** Printed in one piece with a single system call, so that a line that is read was whole. */
function report(): void {
  process.stdout.write(`${journal.writtenSeq}\n`);
}

for (let round = 1; ; round += 1) {
  const session = `${process.pid}-${round}`;
  await journal.write(openBody(session));
  for (let statement = 1; statement <= 50; statement += 1) {
    const sql = "x".repeat((statement * 37) % 2_000);
    const writes = [
      journal.write(startBody(session, statement, { sql }), { durability: statement % 7 === 0 ? "Synced" : "Written" }),
      journal.write(endBody(session, statement)),
    ];
    await Promise.all(writes);
    report();
  }
  await journal.write({ kind: "session.close", session, reason: "client-closed", backend: "gone" });
  report();
}
