import { durabilities, type Durability } from "./grants.ts";
import type { MySQLCell, MySQLResult, MySQLSeen } from "./mysql.ts";
import { median, type Ratio, ratioOf } from "./statistics.ts";
import { formatNumber, formatRatio, table } from "./table.ts";

/** Sallyport, with TLS to the server as always, beside the others. */
interface MySQLRatios {
  /** Of sysbench through HAProxy, and without a proxy, with TLS of its own. */
  readonly vsHAProxy: Ratio;
  readonly vsDirect: Ratio;
  /** The same without any TLS there: work that only Sallyport then does. */
  readonly vsHAProxyPlain: Ratio;
  readonly cpuVsHAProxy: Ratio;
  /** Mean time of a statement at this number of clients above that of the server alone ÷ what HAProxy adds. */
  readonly addedVsHAProxy: number;
}

const nothing: MySQLSeen = { perSecond: [], cpu: [] };
const names = Object.keys(durabilities) as Durability[];

function ratiosOf({ seen, clients }: MySQLCell, name: Durability): MySQLRatios {
  const of = (other: string): MySQLSeen => seen.get(other) ?? nothing;
  const ours = of(name);
  const meanMicroseconds = (values: MySQLSeen): number => (clients * 1e6) / median(values.perSecond);
  const added = (values: MySQLSeen): number => meanMicroseconds(values) - meanMicroseconds(of("directTLS"));
  return {
    vsHAProxy: ratioOf(ours.perSecond, of("haproxyTLS").perSecond),
    vsDirect: ratioOf(ours.perSecond, of("directTLS").perSecond),
    vsHAProxyPlain: ratioOf(ours.perSecond, of("haproxy").perSecond),
    cpuVsHAProxy: ratioOf(ours.cpu, of("haproxyTLS").cpu),
    addedVsHAProxy: added(ours) / added(of("haproxyTLS")),
  };
}

/** The ratios as nested objects: `.text.c1.written.vsHAProxy`. */
export function mysqlJSON(result: MySQLResult): Record<string, unknown> {
  if ("skipped" in result) {
    return { skipped: result.skipped };
  }
  const json: Record<string, Record<string, unknown>> = {};
  for (const cell of result) {
    const load = names.map((name) => {
      const { addedVsHAProxy, ...ratios } = ratiosOf(cell, name);
      const medians = Object.entries(ratios).map(([key, ratio]) => [key, ratio.median]);
      return [name, { ...Object.fromEntries(medians), addedVsHAProxy }];
    });
    (json[cell.mode] ??= {})[`c${cell.clients}`] = Object.fromEntries(load);
  }
  return json;
}

/** Tables of throughput and CPU. */
export function mysqlText(result: MySQLResult): string {
  if ("skipped" in result) {
    return `Not measured: ${result.skipped}.`;
  }
  const titles = names.map((name) => durabilities[name]);
  const rows = result.map((cell) => {
    const all = names.map((name) => ratiosOf(cell, name));
    return [
      cell.mode,
      String(cell.clients),
      ...all.map(({ vsHAProxy }) => formatRatio(vsHAProxy)),
      formatRatio(all[0]?.vsDirect),
      formatRatio(all[0]?.vsHAProxyPlain),
      formatRatio(all[0]?.cpuVsHAProxy),
      formatNumber(all[0]?.addedVsHAProxy ?? Number.NaN),
    ];
  });
  return [
    "sysbench `oltp_point_select` on MariaDB. Statements a second ÷ HAProxy's, both with TLS to the server (through HAProxy it is " +
      "sysbench that speaks it); then, for Written, ÷ the server's own with TLS, ÷ HAProxy's without any TLS, CPU of the proxy's " +
      "process ÷ HAProxy's, and the added mean time ÷ HAProxy's:",
    table([
      ["statements", "clients", ...titles, "÷ direct", "÷ HAProxy plain", "CPU ÷ HAProxy", "added time"],
      ...rows,
    ]),
  ].join("\n\n");
}
