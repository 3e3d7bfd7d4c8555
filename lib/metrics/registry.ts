import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { define, type LabelValues, type MetricDefinition } from "./definition.ts";

/**
 * Most sets of label values of one metric. Every label of ours has a bounded set of values (kinds, operations of AWS, objects that
 * administrators write); a thousand is beyond all of them, and small beside what a scraper takes from one process (tens of
 * thousands). It bounds what a defect, or a server that invents error names, can make this process keep.
 */
export const seriesMaxDefault = 1_000;

/** What was not recorded because a metric was full. */
export const droppedSeries = define({
  name: "sallyport_metrics_dropped_total",
  type: "counter",
  help: "Values that were not recorded because the metric already had as many sets of label values as it may have.",
  labels: ["metric"],
});

export interface CounterMetric<L extends string> {
  /** Adds `by`, 1 where absent. */
  inc(labels: LabelValues<L>, by?: number): void;
}
export interface GaugeMetric<L extends string> {
  set(labels: LabelValues<L>, value: number): void;
  add(labels: LabelValues<L>, by: number): void;
  /** Ends the series: what it told of is gone. */
  remove(labels: LabelValues<L>): void;
}
export interface HistogramMetric<L extends string> {
  /** Shows the series from now on, empty as it is. */
  expect(labels: LabelValues<L>): void;
  observe(labels: LabelValues<L>, value: number): void;
}
/** One value of a gauge that is read when it is asked for. */
export interface Sample<L extends string> {
  readonly labels: LabelValues<L>;
  readonly value: number;
}

/**
 * The metrics of one process, over prom-client. Every metric is made from a definition, has a bounded number of series, and
 * belongs to this registry alone: none is global. A gauge that cannot be read is left out of that scrape.
 */
export class MetricRegistry {
  readonly #registry = new Registry();
  readonly #definitions: MetricDefinition[] = [];
  readonly #dropped: Counter<"metric">;
  readonly #onUnreadable: (metric: string, error: unknown) => void;

  constructor(options: { readonly onUnreadable?: (metric: string, error: unknown) => void } = {}) {
    this.#onUnreadable = options.onUnreadable ?? (() => {});
    this.#dropped = new Counter(this.#configuration(droppedSeries));
  }

  /** What `expose` answers in: `text/plain; version=0.0.4`. */
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** All definitions that were made here, in that order. */
  get definitions(): readonly MetricDefinition[] {
    return this.#definitions;
  }

  /** A counter that `initial` sets of label values are there of from the start, at 0. */
  counter<L extends string>(
    definition: MetricDefinition<L>,
    initial: readonly LabelValues<L>[] = [],
  ): CounterMetric<L> {
    const counter = new Counter(this.#configuration(definition));
    const admits = this.#boundForever(definition);
    for (const labels of initial) {
      if (admits(labels)) {
        counter.inc(labels, 0);
      }
    }
    return {
      inc: (labels, by = 1) => {
        if (admits(labels)) {
          counter.inc(labels, by);
        }
      },
    };
  }

  gauge<L extends string>(definition: MetricDefinition<L>): GaugeMetric<L> {
    const gauge = new Gauge(this.#configuration(definition));
    const known = new Set<string>();
    const admits = this.#bound(definition, known);
    return {
      set: (labels, value) => {
        if (admits(labels)) {
          gauge.set(labels, value);
        }
      },
      add: (labels, by) => {
        if (admits(labels)) {
          gauge.inc(labels, by);
        }
      },
      remove: (labels) => {
        known.delete(seriesKey(definition, labels));
        gauge.remove(labels);
      },
    };
  }

  /** A gauge that has exactly the series that `read` answers when it is asked for. */
  gaugeAtScrape<L extends string>(definition: MetricDefinition<L>, read: () => Iterable<Sample<L>>): void {
    const collect = (): void => {
      clear(gauge, definition);
      const admits = this.#bound(definition);
      try {
        for (const { labels, value } of read()) {
          if (admits(labels)) {
            gauge.set(labels, value);
          }
        }
      } catch (error) {
        clear(gauge, definition);
        this.#onUnreadable(definition.name, error);
      }
    };
    const gauge: Gauge<L> = new Gauge({ ...this.#configuration(definition), collect });
  }

  histogram<L extends string>(definition: MetricDefinition<L>): HistogramMetric<L> {
    const buckets = definition.buckets === undefined ? {} : { buckets: [...definition.buckets] };
    const histogram = new Histogram({ ...this.#configuration(definition), ...buckets });
    const admits = this.#boundForever(definition);
    return {
      expect: (labels) => {
        if (admits(labels)) {
          histogram.zero(labels);
        }
      },
      observe: (labels, value) => {
        if (admits(labels)) {
          histogram.observe(labels, value);
        }
      },
    };
  }

  /** Adds prom-client's own metrics of the process and of Node: `process_*`, `nodejs_*`. */
  addProcessMetrics(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** All metrics in the text format 0.0.4 of Prometheus. */
  expose(): Promise<string> {
    return this.#registry.metrics();
  }

  #configuration<L extends string>(definition: MetricDefinition<L>) {
    this.#definitions.push(definition);
    const { name, help, labels } = definition;
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }

  /** Whether a set of label values may be recorded; the ones that are known always may. */
  #bound<L extends string>(definition: MetricDefinition<L>, known = new Set<string>()) {
    const { name, seriesMax = seriesMaxDefault } = definition;
    return (labels: LabelValues<L>): boolean => {
      const key = seriesKey(definition, labels);
      if (known.has(key)) {
        return true;
      }
      if (known.size >= seriesMax) {
        this.#dropped.inc({ metric: name });
        return false;
      }
      known.add(key);
      return true;
    };
  }

  /** The same for series that never end: a set of labels that was admitted is known by itself from then on, without a key. */
  #boundForever<L extends string>(definition: MetricDefinition<L>) {
    const admits = this.#bound(definition);
    const admitted = new WeakSet<LabelValues<L>>();
    return (labels: LabelValues<L>): boolean => {
      if (admitted.has(labels)) {
        return true;
      }
      const isAdmitted = admits(labels);
      if (isAdmitted) {
        admitted.add(labels);
      }
      return isAdmitted;
    };
  }
}

function clear<L extends string>(gauge: Gauge<L>, { labels }: MetricDefinition<L>): void {
  gauge.reset();
  if (labels.length === 0) {
    // It reads 0 after a reset, which would be a lie where the value is not known.
    gauge.remove();
  }
}

function seriesKey<L extends string>({ labels: names }: MetricDefinition<L>, labels: LabelValues<L>): string {
  return names.map((name) => labels[name]).join("\0");
}
