import type { BulkResult, BulkSeen } from "./bulk.ts";
import { formatRatio, table } from "./table.ts";
import { type Ratio, ratioOf } from "./statistics.ts";

/** One kind of data, Sallyport beside the others. */
export interface BulkRatios {
  readonly kind: string;
  readonly vsDirect: Ratio;
  readonly vsHAProxy: Ratio;
  readonly vsPgBouncer: Ratio;
  readonly cpuVsHAProxy: Ratio;
  readonly cpuVsPgBouncer: Ratio;
  /** Most that the proxy's memory grew in any round, bytes. */
  readonly growthBytes: number;
}

const nothing: BulkSeen = { rate: [], cpu: [], growth: [] };

/** Turns what was seen into ratios. */
export function bulkRatiosOf(result: BulkResult): BulkRatios[] {
  return [...result].map(([kind, seen]) => {
    const of = (name: string): BulkSeen => seen.get(name) ?? nothing;
    const ours = of("written");
    return {
      kind,
      vsDirect: ratioOf(ours.rate, of("direct").rate),
      vsHAProxy: ratioOf(ours.rate, of("haproxy").rate),
      vsPgBouncer: ratioOf(ours.rate, of("pgbouncer").rate),
      cpuVsHAProxy: ratioOf(ours.cpu, of("haproxy").cpu),
      cpuVsPgBouncer: ratioOf(ours.cpu, of("pgbouncer").cpu),
      growthBytes: Math.max(...ours.growth),
    };
  });
}

/** The ratios as nested objects; `vsHAProxy` and `vsPgBouncer` are those of the slowest kind of data. */
export function bulkJSON(all: readonly BulkRatios[]): Record<string, unknown> {
  const kinds = all.map(({ kind, growthBytes, ...ratios }) => [
    kind,
    { ...Object.fromEntries(Object.entries(ratios).map(([name, ratio]) => [name, ratio.median])), growthBytes },
  ]);
  return {
    vsHAProxy: Math.min(...all.map(({ vsHAProxy }) => vsHAProxy.median)),
    vsPgBouncer: Math.min(...all.map(({ vsPgBouncer }) => vsPgBouncer.median)),
    growthBytes: Math.max(...all.map(({ growthBytes }) => growthBytes)),
    ...Object.fromEntries(kinds),
  };
}

const titles: Readonly<Record<string, string>> = { rows: "rows of a query", copyOut: "COPY out", copyIn: "COPY in" };

/** Table of throughput, CPU and memory. */
export function bulkTable(all: readonly BulkRatios[]): string {
  return [
    "MB a second, and CPU of the proxy's process for a MB (`Written`):",
    table([
      ["", "÷ HAProxy", "÷ PgBouncer", "÷ direct", "CPU ÷ HAProxy", "CPU ÷ PgBouncer", "memory grew by at most"],
      ...all.map((ratios) => [
        titles[ratios.kind] ?? ratios.kind,
        formatRatio(ratios.vsHAProxy),
        formatRatio(ratios.vsPgBouncer),
        formatRatio(ratios.vsDirect),
        formatRatio(ratios.cpuVsHAProxy),
        formatRatio(ratios.cpuVsPgBouncer),
        `${(ratios.growthBytes / 2 ** 20).toFixed(1)} MiB`,
      ]),
    ]),
  ].join("\n\n");
}
