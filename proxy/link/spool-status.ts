import type { JournalMetrics } from "#audit/journal.ts";
import type { SpoolStatus } from "#wire/link.ts";

/** What the controller is told of the spool: whole numbers, never negative. */
export function spoolStatus(metrics: JournalMetrics): SpoolStatus {
  const { usedBytes, capacityBytes, writtenSeq, acknowledgedSeq, oldestWaitingMs, lastDenied } = metrics;
  const { denied, gaps, gapRecords, failedWrites } = metrics;
  return {
    bytes: usedBytes,
    bytesMax: capacityBytes,
    records: Math.max(0, writtenSeq - acknowledgedSeq),
    oldestMs: Math.round(oldestWaitingMs),
    denied,
    ...(lastDenied === undefined ? {} : { lastDenied: new Date(lastDenied).toISOString() }),
    gaps,
    gapRecords,
    failedWrites,
  };
}
