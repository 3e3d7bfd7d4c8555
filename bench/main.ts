import { UserError } from "#lib/errors.ts";
import { stopOnSignals } from "./child.ts";
import { readBenchOptions } from "./options.ts";
import { runBench } from "./run.ts";

/** `npm run bench [-- PART …] [-- --quick] [-- --output json]`: see docs/performance.md. */
stopOnSignals();
try {
  process.stdout.write(await runBench(readBenchOptions(process.argv.slice(2))));
} catch (error) {
  if (!(error instanceof UserError)) {
    throw error;
  }
  process.stderr.write(`error: ${[error.message, error.why, error.next].filter(Boolean).join("\n  ")}\n`);
  process.exitCode = 1;
}
