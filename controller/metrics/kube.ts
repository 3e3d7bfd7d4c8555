import type { MetricRegistry } from "#lib/metrics/registry.ts";
import type { KubeRequestRecord } from "../kube/transport.ts";
import type { Leadership } from "../leadership/leadership.ts";
import { runtimeMetrics } from "./runtime-definitions.ts";

/** Requests to the API server, as client-go counts them. */
export function kubeRecorder(registry: MetricRegistry): (record: KubeRequestRecord) => void {
  const requests = registry.counter(runtimeMetrics.restRequests);
  const duration = registry.histogram(runtimeMetrics.restDuration);
  return ({ code, method, host, durationMs }) => {
    requests.inc({ code, method, host });
    duration.observe({ verb: method, host }, durationMs / 1_000);
  };
}

/** Whether this process holds the Lease of that name. */
export function showLeadership(
  registry: MetricRegistry,
  name: string,
  leadership: Pick<Leadership, "isLeading">,
): void {
  registry.gaugeAtScrape(runtimeMetrics.masterStatus, () => [
    { labels: { name }, value: leadership.isLeading() ? 1 : 0 },
  ]);
}
