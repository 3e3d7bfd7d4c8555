import type { AuditRecord } from "#audit/record.ts";
import type { IngestResult } from "#audit/store/store.ts";
import type { Clock } from "#lib/clock.ts";
import type { MetricRegistry } from "#lib/metrics/registry.ts";
import type { RetentionHold } from "../audit-retention-hold.ts";
import type { AuditRecorder } from "../serve/audit-trail.ts";
import { ownMetrics } from "./definitions.ts";

/** What becomes of the records that proxies ship. */
export function auditRecorder(registry: MetricRegistry, clock: Clock): AuditRecorder {
  const stored = registry.counter(ownMetrics.auditRecords);
  const refused = registry.counter(ownMetrics.auditBatches);
  const findings = registry.counter(ownMetrics.auditFindings);
  const gaps = registry.counter(ownMetrics.auditGaps);
  const lag = registry.histogram(ownMetrics.auditLag);
  return {
    stored(proxy, result: IngestResult, records: readonly AuditRecord[]) {
      stored.inc({ proxy }, result.stored);
      // There from the first batch on, at 0: the first refusal is then a rise.
      refused.inc({ proxy }, 0);
      for (const { kind } of result.findings) {
        findings.inc({ proxy, kind });
      }
      if (result.stored === 0) {
        // All of it was there already: a proxy that came back repeats what was not acknowledged to it.
        return;
      }
      for (const record of records) {
        if (record.kind === "gap") {
          gaps.inc({ proxy, reason: record.reason });
        }
      }
      const times = records.map(({ time }) => Date.parse(time)).filter((time) => !Number.isNaN(time));
      if (times.length > 0) {
        lag.observe({ proxy }, Math.max(0, clock.now() - Math.min(...times)) / 1_000);
      }
    },
    refused: (proxy) => refused.inc({ proxy }),
  };
}

/** Whether records that are too old are held back, whenever that is asked for. */
export function showRetention(registry: MetricRegistry, hold: Pick<RetentionHold, "value">): void {
  registry.gaugeAtScrape(ownMetrics.auditRetentionHeld, () => [{ labels: {}, value: hold.value }]);
}
