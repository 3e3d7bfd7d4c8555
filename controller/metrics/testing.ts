import type { MetricRegistry } from "#lib/metrics/registry.ts";

/** Lines of the exposition that are values of series whose text begins so. */
export async function linesOf(registry: MetricRegistry, start: string): Promise<string[]> {
  return (await registry.expose()).split("\n").filter((line) => line.startsWith(start));
}

/** Value of one series, named with its labels in the order of the definition; undefined where it is not there. */
export async function valueOf(registry: MetricRegistry, series: string): Promise<number | undefined> {
  const line = (await linesOf(registry, `${series} `))[0];
  return line === undefined ? undefined : Number(line.slice(series.length));
}
