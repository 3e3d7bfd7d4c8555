/** What a test run came to. */
export interface TestSummary {
  passed: number;
  failed: number;
  /** Tests that this machine could not run, each with its reason. */
  skipped: { test: string; reason: string }[];
  /** Files that did not load and errors outside any test; each counts as a failure. */
  errors: number;
}

/** The closing lines; the last one is the plain count that CI reads. With `strict` (CI) a skip is shown as a failure. */
export function closingLines(summary: TestSummary, strict: boolean): string[] {
  const lines: string[] = [];
  if (summary.skipped.length > 0) {
    lines.push(strict ? "Skipped, which counts as failed here (CI=true):" : "Skipped on this machine:");
    const byReason = Map.groupBy(summary.skipped, (skip) => skip.reason);
    for (const [reason, skips] of byReason) {
      lines.push(`  ${skips.length} × ${reason}`, ...skips.slice(0, 5).map((skip) => `      ${skip.test}`));
    }
  }
  if (summary.errors > 0) {
    lines.push(`${summary.errors} errors outside tests (above)`);
  }
  const failed = summary.failed + summary.errors;
  lines.push(`${summary.passed} passed, ${failed} failed, ${summary.skipped.length} skipped`);
  return lines;
}

/** 0 only when something ran and nothing failed; with `strict` nothing may be skipped either. */
export function exitCodeOf(summary: TestSummary, strict: boolean): number {
  const failed = summary.failed + summary.errors > 0 || summary.passed === 0 || (strict && summary.skipped.length > 0);
  return failed ? 1 : 0;
}
