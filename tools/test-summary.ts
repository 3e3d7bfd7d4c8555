import { archiveUnreachable } from "./parts/part.ts";

/** What a test run came to. */
export interface TestSummary {
  passed: number;
  failed: number;
  /** Tests that this machine could not run, each with its reason. */
  skipped: { test: string; reason: string }[];
  /** Files that did not load and errors outside any test; each counts as a failure. */
  errors: number;
}

/** Skips for which nobody here can do anything: an archive that did not answer. They are said, and fail no run. */
function isExcused({ reason }: TestSummary["skipped"][number]): boolean {
  return reason.startsWith(archiveUnreachable);
}

/** The closing lines; the last one is the plain count that CI reads. With `strict` (CI) a skip without excuse is shown as a failure. */
export function closingLines(summary: TestSummary, strict: boolean): string[] {
  const lines: string[] = [];
  const list = (title: string, skipped: TestSummary["skipped"]): void => {
    const byReason = Map.groupBy(skipped, (skip) => skip.reason);
    lines.push(...(skipped.length > 0 ? [title] : []));
    for (const [reason, skips] of byReason) {
      lines.push(`  ${skips.length} × ${reason}`, ...skips.slice(0, 5).map((skip) => `      ${skip.test}`));
    }
  };
  const counts = (skip: TestSummary["skipped"][number]): boolean => strict && !isExcused(skip);
  list("Skipped, which counts as failed here (CI=true):", summary.skipped.filter(counts));
  list(
    "Skipped on this machine:",
    summary.skipped.filter((skip) => !counts(skip)),
  );
  if (summary.errors > 0) {
    lines.push(`${summary.errors} errors outside tests (above)`);
  }
  const failed = summary.failed + summary.errors;
  lines.push(`${summary.passed} passed, ${failed} failed, ${summary.skipped.length} skipped`);
  return lines;
}

/** 0 only when something ran and nothing failed; with `strict` nothing may be skipped without excuse either. */
export function exitCodeOf(summary: TestSummary, strict: boolean): number {
  const unexcused = summary.skipped.some((skip) => !isExcused(skip));
  const failed = summary.failed + summary.errors > 0 || summary.passed === 0 || (strict && unexcused);
  return failed ? 1 : 0;
}
