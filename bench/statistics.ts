/** The middle value; the mean of the two middle ones of an even count. NaN of nothing. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which that share of the values lies, between two of them where it falls between. NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low === undefined || high === undefined ? Number.NaN : low + (high - low) * (at - Math.floor(at));
}

/** A ratio that was taken once in each round. */
export interface Ratio {
  /** Median of the rounds. */
  readonly median: number;
  /** Half of the rounds lie within. */
  readonly low: number;
  readonly high: number;
}

/** `ours` ÷ `theirs` round by round: what disturbs a round disturbs both, so it drops out. A round in which one did nothing has no ratio. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Ratio {
  const ratios = ours.flatMap((value, round) => {
    const other = theirs[round];
    const ratio = other === undefined ? Number.NaN : value / other;
    return Number.isFinite(ratio) ? [ratio] : [];
  });
  return { median: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) };
}

/**
 * A quantile of values that were rounded down to whole units, at a finer grain than a unit: the values of a unit are taken as
 * spread evenly over it (the median of grouped data). NaN of nothing.
 */
export function groupedQuantile(values: readonly number[], share: number): number {
  if (values.length === 0) {
    return Number.NaN;
  }
  const sorted = values.toSorted((a, b) => a - b);
  const wanted = sorted.length * share;
  const unit = sorted[Math.min(sorted.length - 1, Math.floor(wanted))] ?? 0;
  const below = sorted.findIndex((value) => value === unit);
  const within = sorted.findLastIndex((value) => value === unit) + 1 - below;
  return unit + (wanted - below) / within;
}
