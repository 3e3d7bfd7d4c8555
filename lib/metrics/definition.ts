/** Labels that a metric carries, in the order of its definition. */
export type LabelValues<L extends string> = Readonly<Record<L, string>>;

/** What a metric is, as data: the registry makes it, `docs/metrics.md` prints it, rules and dashboards are checked against it. */
export interface MetricDefinition<L extends string = string> {
  /** `name_unit`, counters end in `_total` (Prometheus, "Metric and label naming"). */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence: what is counted or measured, and in which unit where the name does not say it. */
  readonly help: string;
  readonly labels: readonly L[];
  /** Upper bounds of a histogram's buckets, rising, without the infinite one. */
  readonly buckets?: readonly number[];
  /** Most sets of label values that this process keeps of it. Absent: `seriesMaxDefault`. */
  readonly seriesMax?: number;
}

/** A definition whose label names the compiler knows. */
export function define<const L extends string>(definition: MetricDefinition<L>): MetricDefinition<L> {
  return definition;
}

/** `count` upper bounds, each `factor` times the one before, from `first`. */
export function exponentialBuckets(first: number, factor: number, count: number): readonly number[] {
  // Rounded to 12 digits: 1e-8 × 10 is not exactly 1e-7, and the bound is part of a series' name.
  return Array.from({ length: count }, (_, index) => Number((first * factor ** index).toPrecision(12)));
}
