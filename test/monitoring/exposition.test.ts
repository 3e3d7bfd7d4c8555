import { describe, expect, it } from "vitest";
import type { MetricDefinition } from "#lib/metrics/definition.ts";
import { MetricRegistry } from "#lib/metrics/registry.ts";
import { controllerMetrics } from "#controller/metrics/definitions.ts";
import { promtool, promtoolMissing } from "./promtool.ts";

const missing = promtoolMissing();

/** A registry with a value of each metric, whose labels hold what the text format must escape. */
async function everything(more: (registry: MetricRegistry) => void = () => {}): Promise<string> {
  const registry = new MetricRegistry();
  for (const definition of controllerMetrics.filter(({ name }) => name !== "sallyport_metrics_dropped_total")) {
    give(registry, definition);
  }
  more(registry);
  return registry.expose();
}

function give(registry: MetricRegistry, definition: MetricDefinition): void {
  const labels = Object.fromEntries(definition.labels.map((name) => [name, 'a "quoted"\\ and\nbroken value']));
  switch (definition.type) {
    case "counter":
      registry.counter(definition).inc(labels, 3);
      return;
    case "gauge":
      registry.gauge(definition).set(labels, -1.5);
      return;
    default:
      registry.histogram(definition).observe(labels, 0.3);
  }
}

describe("the exposition", () => {
  it("is what Prometheus reads, and follows its conventions in every metric of ours", async ({ skip }) => {
    skip(missing !== undefined, missing);

    const { code, output } = await promtool(["check", "metrics"], await everything());

    expect(output).toBe("");
    expect(code).toBe(0);
  });

  it("is what Prometheus reads with the figures of the process too", async ({ skip }) => {
    skip(missing !== undefined, missing);
    const text = await everything((registry) => registry.addProcessMetrics());

    const { output } = await promtool(["check", "metrics"], text);

    // prom-client's own names do not keep to all conventions; none of what is said may be about reading, or about ours.
    expect(output).not.toContain("error while linting");
    expect(output.split("\n").filter((line) => line !== "" && !/^(nodejs|process)_/.test(line))).toEqual([]);
  });

  it("would be refused if it were broken", async ({ skip }) => {
    skip(missing !== undefined, missing);
    const text = await everything();

    const { code } = await promtool(["check", "metrics"], text.replace('\\"quoted', '"quoted'));

    expect(code).not.toBe(0);
  });
});
