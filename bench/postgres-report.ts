import { durabilities } from "./grants.ts";
import { type CellRatios, saysAdded } from "./postgres-ratios.ts";
import { median } from "./statistics.ts";
import { formatNumber, formatRatio, table } from "./table.ts";

/** The ratios as nested objects: `.simple.c1.written.vsPgBouncer`. */
export function postgresJSON(cells: readonly CellRatios[]): Record<string, unknown> {
  const json: Record<string, Record<string, Record<string, unknown>>> = {};
  for (const { protocol, clients, systems } of cells) {
    const load = ((json[protocol] ??= {})[`c${clients}`] ??= {});
    for (const [name, ratios] of systems) {
      load[name] = {
        vsPgBouncer: ratios.vsPgBouncer.median,
        vsDirect: ratios.vsDirect.median,
        ...(ratios.vsHAProxy === undefined ? {} : { vsHAProxy: ratios.vsHAProxy.median }),
        addedP50VsPgBouncer: ratios.addedP50VsPgBouncer,
        cpuVsPgBouncer: ratios.cpuVsPgBouncer.median,
        addedP50Microseconds: ratios.addedP50Microseconds,
        settleMilliseconds: ratios.settleMilliseconds,
        spread: { vsPgBouncer: [ratios.vsPgBouncer.low, ratios.vsPgBouncer.high] },
      };
    }
  }
  return json;
}

/** Tables: statements a second, added latency at one client, CPU. */
export function postgresTables(cells: readonly CellRatios[]): string {
  const names = ["haproxy", ...Object.keys(durabilities)];
  const titles: Readonly<Record<string, string>> = { haproxy: "HAProxy", ...durabilities };
  const present = names.filter((name) => cells.some(({ systems }) => systems.has(name)));
  const heads = present.map((name) => titles[name] ?? name);
  const rowOf = (cell: CellRatios, value: (name: string) => string): string[] => [
    cell.protocol,
    String(cell.clients),
    ...present.map(value),
  ];
  const throughput = cells.map((cell) => [
    ...rowOf(cell, (name) => formatRatio(cell.systems.get(name)?.vsPgBouncer)),
    formatRatio(cell.systems.get("pgbouncer")?.vsDirect),
    formatRatio(cell.systems.get("written")?.vsDirect),
  ]);
  const cpu = cells.map((cell) => rowOf(cell, (name) => formatRatio(cell.systems.get(name)?.cpuVsPgBouncer)));
  const added = cells
    .filter(({ clients }) => clients === 1)
    .map((cell) =>
      rowOf(cell, (name) => {
        const ratios = cell.systems.get(name);
        return ratios === undefined
          ? "–"
          : `${saysAdded(cell) ? formatNumber(ratios.addedP50VsPgBouncer) : "–"} (${formatNumber(ratios.addedP50Microseconds)} µs)`;
      }),
    );
  const first = ["protocol", "clients"];
  const written = cells.flatMap(({ systems }) => systems.get("written")?.settleMilliseconds ?? []);
  return [
    "Statements a second ÷ PgBouncer's; the last two columns ÷ the server's own:",
    table([[...first, ...heads, "PgBouncer ÷ direct", "Written ÷ direct"], ...throughput]),
    "Added median latency at one client ÷ PgBouncer's (and what it is here); no ratio where PgBouncer's own is not above the noise:",
    table([[...first, ...heads], ...added]),
    "CPU of the proxy's process for a statement ÷ PgBouncer's:",
    table([[...first, ...heads], ...cpu]),
    `The records of a stretch with \`Written\` were all acknowledged ${formatNumber(median(written))} ms after its end ` +
      `(median; at most ${formatNumber(Math.max(...written))} ms): so much work the rates above do not show, and the CPU does.`,
  ].join("\n\n");
}
