import { existsSync } from "node:fs";
import type { TestCase } from "vitest/node";
import { startVitest } from "vitest/node";
import { ensureConsole } from "./console.ts";
import { bringParts } from "./parts/bring.ts";
import { preparePython } from "./python.ts";
import { type TestSummary, closingLines, exitCodeOf } from "./test-summary.ts";

/** `npm test [-- FILTER …]`: set-up, every test, and a closing line that says how many passed, failed and were skipped. */
async function main(filters: string[]): Promise<void> {
  const report = (text: string): void => void process.stderr.write(`set-up: ${text}\n`);
  const prepared = preparePython(report);
  if ("python" in prepared) {
    process.env["SALLYPORT_PYTHON"] = prepared.python;
  }
  if (wantsParts(filters)) {
    bringParts(report);
  }
  await ensureConsole();
  const vitest = await startVitest("test", filters, { watch: false, root: process.cwd() });
  const summary: TestSummary = { passed: 0, failed: 0, skipped: [], errors: 0 };
  for (const module of vitest.state.getTestModules()) {
    // A file that does not even load has no tests, and must not pass for that.
    summary.errors += module.errors().length;
    for (const test of module.children.allTests()) {
      count(test, summary);
    }
  }
  summary.errors += vitest.state.getUnhandledErrors().length;
  await vitest.close();
  const strict = process.env.CI === "true";
  process.stdout.write(`\n${closingLines(summary, strict).join("\n")}\n`);
  process.exit(exitCodeOf(summary, strict));
}

/** Folders whose tests start no server or client that set-up would have to bring. */
const withoutParts = /^(\.\/)?(audit|bench|cli|controller|kinds|lib|sandbox|tools|wire)(\/|$)/;

function wantsParts(filters: readonly string[]): boolean {
  return filters.length === 0 || filters.some((filter) => !withoutParts.test(filter));
}

function count(test: TestCase, summary: TestSummary): void {
  const result = test.result();
  if (result.state === "passed") {
    summary.passed += 1;
  } else if (result.state === "failed") {
    summary.failed += 1;
  } else {
    const reason = result.state === "skipped" ? result.note : undefined;
    summary.skipped.push({
      test: `${test.module.relativeModuleId} › ${test.fullName}`,
      reason: reason ?? "no reason given",
    });
  }
}

if (!existsSync("package.json")) {
  throw new Error("run it from the checkout: npm test");
}
await main(process.argv.slice(2));
