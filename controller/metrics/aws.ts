import type { MetricRegistry } from "#lib/metrics/registry.ts";
import type { AwsRecorder } from "../aws/measure.ts";
import { ownMetrics } from "./definitions.ts";

/** Calls to AWS and waits for the right to make them. */
export function awsRecorder(registry: MetricRegistry): AwsRecorder {
  const requests = registry.counter(ownMetrics.awsRequests);
  const errors = registry.counter(ownMetrics.awsErrors);
  const duration = registry.histogram(ownMetrics.awsDuration);
  const waits = registry.histogram(ownMetrics.limiterWait);
  return {
    attempted(service, operation, tookMs, code) {
      requests.inc({ service, operation });
      duration.observe({ service, operation }, tookMs / 1_000);
      if (code !== undefined) {
        errors.inc({ service, operation, code });
      }
    },
    waited: (limiter, urgency, waitedMs) => waits.observe({ limiter, urgency }, waitedMs / 1_000),
  };
}
