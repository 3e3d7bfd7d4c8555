import type { MetricDefinition } from "#lib/metrics/definition.ts";
import type { MetricRegistry, Sample } from "#lib/metrics/registry.ts";
import type { SpoolStatus } from "#wire/link.ts";
import type { Source } from "../source/source.ts";
import { ownMetrics } from "./definitions.ts";

/** What is known of the tasks of one Proxy that are linked to this process. */
export interface LinkedProxy {
  /** `namespace/name`. */
  readonly proxyKey: string;
  readonly tasks: readonly {
    readonly skewMs: number;
    /** Absent: an older proxy, or it has not said yet. */
    readonly audit?: SpoolStatus;
  }[];
  /** Database sessions that the tasks report. */
  readonly sessions: number;
}

/** A value of a Proxy; undefined where there is none to show. */
type Pick = (proxy: LinkedProxy) => number | undefined;

/** Gauges of what the linked tasks report, by Proxy. One that no task is linked for has 0 tasks, and no spool. */
export function showProxies(
  registry: MetricRegistry,
  { source, linked }: { readonly source: { list: Source["list"] }; readonly linked: () => readonly LinkedProxy[] },
): void {
  const show = (definition: MetricDefinition<"proxy">, pick: Pick): void =>
    registry.gaugeAtScrape(definition, (): Sample<"proxy">[] => {
      const known = new Map(linked().map((proxy) => [proxy.proxyKey, proxy]));
      return source.list("Proxy").flatMap(({ object: { metadata } }) => {
        const proxyKey = `${metadata.namespace}/${metadata.name}`;
        const value = pick(known.get(proxyKey) ?? { proxyKey, tasks: [], sessions: 0 });
        return value === undefined ? [] : [{ labels: { proxy: proxyKey }, value }];
      });
    });
  show(ownMetrics.tasks, ({ tasks }) => tasks.length);
  show(ownMetrics.sessions, ({ sessions }) => sessions);
  show(ownMetrics.clockSkew, ({ tasks }) => {
    const furthest = tasks.toSorted((a, b) => Math.abs(b.skewMs) - Math.abs(a.skewMs))[0];
    return furthest === undefined ? undefined : furthest.skewMs / 1_000;
  });
  for (const { definition, of, over } of spoolGauges) {
    show(definition, ({ tasks }) => {
      const values = tasks.flatMap(({ audit }) => (audit === undefined ? [] : (of(audit) ?? [])));
      return values.length === 0 ? undefined : over(values);
    });
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const most = (values: readonly number[]): number => Math.max(...values);

/** What is shown of a task's spool, and how that of a Proxy's tasks comes together. */
const spoolGauges: readonly {
  readonly definition: MetricDefinition<"proxy">;
  readonly of: (spool: SpoolStatus) => number | undefined;
  readonly over: (values: readonly number[]) => number;
}[] = [
  { definition: ownMetrics.spoolBytes, of: ({ bytes }) => bytes, over: sum },
  {
    definition: ownMetrics.spoolUsed,
    of: ({ bytes, bytesMax }) => (bytesMax === 0 ? undefined : bytes / bytesMax),
    over: most,
  },
  { definition: ownMetrics.spoolRecords, of: ({ records }) => records, over: sum },
  { definition: ownMetrics.spoolOldest, of: ({ oldestMs }) => oldestMs / 1_000, over: most },
  { definition: ownMetrics.spoolDenied, of: ({ denied }) => denied, over: sum },
  {
    definition: ownMetrics.spoolLastDenied,
    of: ({ lastDenied }) => (lastDenied === undefined ? undefined : Date.parse(lastDenied) / 1_000),
    over: most,
  },
  { definition: ownMetrics.spoolGaps, of: ({ gapRecords }) => gapRecords, over: sum },
  { definition: ownMetrics.spoolFailedWrites, of: ({ failedWrites }) => failedWrites, over: sum },
];
