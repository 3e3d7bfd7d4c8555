import { failureKinds } from "#audit/sinks/failure.ts";
import type { RunnerStatus, SinkRecorder } from "#audit/sinks/runner.ts";
import type { MetricRegistry } from "#lib/metrics/registry.ts";
import { ownMetrics } from "./definitions.ts";

/** What audit sinks deliver and do not. */
export function sinkRecorder(registry: MetricRegistry): SinkRecorder {
  const delivered = registry.counter(ownMetrics.sinkDelivered);
  const bytesDelivered = registry.counter(ownMetrics.sinkBytes);
  const failures = registry.counter(ownMetrics.sinkFailures);
  const lost = registry.counter(ownMetrics.sinkLost);
  return {
    delivered(sink, items, bytes) {
      delivered.inc({ sink }, items);
      bytesDelivered.inc({ sink }, bytes);
    },
    failed: (sink, kind) => failures.inc({ sink, kind }),
    lost: (sink, positions) => lost.inc({ sink }, positions),
  };
}

/** How far they are, whenever that is asked for. */
export function showSinks(registry: MetricRegistry, read: () => readonly RunnerStatus[]): void {
  registry.gaugeAtScrape(ownMetrics.sinkLagRecords, () =>
    read().map(({ name: sink, behind }) => ({ labels: { sink }, value: behind })),
  );
  registry.gaugeAtScrape(ownMetrics.sinkLagSeconds, () =>
    read().map(({ name: sink, behindMs }) => ({ labels: { sink }, value: behindMs / 1_000 })),
  );
  registry.gaugeAtScrape(ownMetrics.sinkFailing, () =>
    read().flatMap(({ name: sink, failure }) =>
      failureKinds.map((kind) => ({ labels: { sink, kind }, value: failure?.kind === kind ? 1 : 0 })),
    ),
  );
}
