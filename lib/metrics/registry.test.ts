import { describe, expect, it } from "vitest";
import { define, exponentialBuckets } from "./definition.ts";
import { MetricRegistry, seriesMaxDefault } from "./registry.ts";

const requests = define({ name: "test_requests_total", type: "counter", help: "Requests.", labels: ["code"] });
const depth = define({ name: "test_depth", type: "gauge", help: "Depth.", labels: ["queue"] });
const seconds = define({
  name: "test_seconds",
  type: "histogram",
  help: "Time.",
  labels: ["step"],
  buckets: exponentialBuckets(1e-8, 10, 3),
});

/** Lines of the exposition that are values of this metric. */
async function linesOf(registry: MetricRegistry, name: string): Promise<string[]> {
  const lines = (await registry.expose()).split("\n");
  return lines.filter((line) => line.startsWith(name));
}

describe("MetricRegistry", () => {
  it("answers the text format 0.0.4", async () => {
    const registry = new MetricRegistry();
    registry.counter(requests).inc({ code: "200" }, 2);

    const text = await registry.expose();

    expect(registry.contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(text).toContain("# HELP test_requests_total Requests.\n# TYPE test_requests_total counter\n");
    expect(text).toContain('\ntest_requests_total{code="200"} 2\n');
    expect(text.endsWith("\n")).toBe(true);
  });

  it("escapes quotes, backslashes and line ends in label values", async () => {
    const registry = new MetricRegistry();
    registry.counter(requests).inc({ code: 'a"b\\c\nd' });

    const lines = await linesOf(registry, "test_requests_total");

    expect(lines).toEqual(['test_requests_total{code="a\\"b\\\\c\\nd"} 1']);
  });

  it("counts from zero what is known beforehand", async () => {
    const registry = new MetricRegistry();

    registry.counter(requests, [{ code: "200" }, { code: "500" }]);

    expect(await linesOf(registry, "test_requests_total")).toEqual([
      'test_requests_total{code="200"} 0',
      'test_requests_total{code="500"} 0',
    ]);
  });

  it("keeps no more series than it may, goes on counting those it has, and says what it dropped", async () => {
    const registry = new MetricRegistry();
    const counter = registry.counter(requests);
    for (let code = 0; code < seriesMaxDefault; code += 1) {
      counter.inc({ code: `${code}` });
    }

    counter.inc({ code: "one more" });
    counter.inc({ code: "another" });
    counter.inc({ code: "0" });

    const lines = await linesOf(registry, "test_requests_total");
    expect(lines).toHaveLength(seriesMaxDefault);
    expect(lines).toContain('test_requests_total{code="0"} 2');
    expect(await linesOf(registry, "sallyport_metrics_dropped_total")).toEqual([
      'sallyport_metrics_dropped_total{metric="test_requests_total"} 2',
    ]);
  });

  it("makes room when a series of a gauge ends", async () => {
    const registry = new MetricRegistry();
    const gauge = registry.gauge({ ...depth, seriesMax: 1 });
    gauge.set({ queue: "a" }, 1);

    gauge.remove({ queue: "a" });
    gauge.set({ queue: "b" }, 2);

    expect(await linesOf(registry, "test_depth")).toEqual(['test_depth{queue="b"} 2']);
  });

  it("reads a gauge when it is asked for, and forgets series that are no longer there", async () => {
    const registry = new MetricRegistry();
    let queues = ["a", "b"];
    registry.gaugeAtScrape(depth, () => queues.map((queue) => ({ labels: { queue }, value: 1 })));
    await registry.expose();

    queues = ["b"];

    expect(await linesOf(registry, "test_depth")).toEqual(['test_depth{queue="b"} 1']);
  });

  it("bounds a gauge that is read, for each scrape anew", async () => {
    const registry = new MetricRegistry();
    const queues = ["a", "b", "c"];
    const definition = { ...depth, seriesMax: 2 };
    registry.gaugeAtScrape(definition, () => queues.map((queue) => ({ labels: { queue }, value: 1 })));
    await registry.expose();

    queues.shift();

    expect(await linesOf(registry, "test_depth")).toEqual(['test_depth{queue="b"} 1', 'test_depth{queue="c"} 1']);
  });

  it("leaves a gauge out that cannot be read, says so, and answers all others", async () => {
    const unreadable: string[] = [];
    const registry = new MetricRegistry({ onUnreadable: (metric) => unreadable.push(metric) });
    const plain = define({ name: "test_plain", type: "gauge", help: "No labels.", labels: [] });
    registry.gaugeAtScrape(plain, () => {
      throw new Error("closed");
    });
    registry.counter(requests).inc({ code: "200" });

    const lines = await linesOf(registry, "test_");

    expect(lines).toEqual(['test_requests_total{code="200"} 1']);
    expect(unreadable).toEqual(["test_plain"]);
  });

  it("has the buckets that are defined, and the infinite one", async () => {
    const registry = new MetricRegistry();
    registry.histogram(seconds).observe({ step: "cut" }, 5e-8);

    const lines = await linesOf(registry, "test_seconds_bucket");

    expect(lines.map((line) => /le="([^"]+)".* (\d+)$/.exec(line)?.slice(1))).toEqual([
      ["1e-8", "0"],
      ["1e-7", "1"],
      ["0.000001", "1"],
      ["+Inf", "1"],
    ]);
  });

  it("refuses two metrics of one name", () => {
    const registry = new MetricRegistry();
    registry.counter(requests);

    expect(() => registry.counter(requests)).toThrow("already been registered");
  });
});
