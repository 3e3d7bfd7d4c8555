import type { MetricDefinition } from "#lib/metrics/definition.ts";
import { MetricRegistry } from "#lib/metrics/registry.ts";
import { controllerMetrics } from "#controller/metrics/definitions.ts";

/** Our definitions, and what prom-client exposes of the process as far as its exposition tells. */
export async function allMetrics(): Promise<MetricDefinition[]> {
  const registry = new MetricRegistry();
  registry.addProcessMetrics();
  const text = await registry.expose();
  const types = [...text.matchAll(/^# TYPE ((?:process|nodejs)_\S+) (counter|gauge|histogram)$/gm)];
  const own = types.map(([, name = "", type = ""]) => ({ name, type: type as MetricDefinition["type"] }));
  return [...controllerMetrics, ...own.map((each) => ({ ...each, help: "", labels: [] }))];
}
