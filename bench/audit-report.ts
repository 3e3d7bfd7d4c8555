import type { AuditStoreResult } from "./audit.ts";
import type { Goal } from "./goal.ts";
import { formatNumber, table } from "./table.ts";

/** What the stores do. */
export function auditText(results: readonly AuditStoreResult[]): string {
  const batches = results[0]?.ingest.map(({ batch }) => batch) ?? [];
  const rows = results.map(({ store, ingest, cpuMicroseconds, tail }) => [
    store,
    ...ingest.map(({ perSecond }) => String(perSecond)),
    `${formatNumber(cpuMicroseconds)} µs`,
    `${formatNumber(tail.p50)} ms`,
    `${formatNumber(tail.p99)} ms`,
  ]);
  return [
    table([
      [
        "store",
        ...batches.map((batch) => `records/s, ${batch} a batch`),
        "CPU of the controller, a record",
        "tail p50",
        "tail p99",
      ],
      ...rows,
    ]),
    "One task ships one batch after the other; a record is a statement's start or end, of some 430 bytes. Each batch is on the device when " +
      "it is acknowledged. Postgres 18 runs on the same cores, over TLS. The tail follows 1,000 records a second, which come every 20 ms.",
  ].join("\n\n");
}

/** What is wanted of them. */
export function auditGoals(results: readonly AuditStoreResult[]): Goal[] {
  const best = (store: string): number =>
    Math.max(
      ...results.filter((one) => one.store === store).flatMap(({ ingest }) => ingest.map((one) => one.perSecond)),
    );
  return [
    {
      what: "Audit store in SQLite, records a second",
      wanted: 20_000,
      is: "at least",
      measured: [["SQLite", best("SQLite")]],
    },
    {
      what: "Audit store in Postgres, records a second",
      wanted: 10_000,
      is: "at least",
      measured: [["Postgres", best("Postgres")]],
    },
    {
      what: "Tail at 1,000 records a second, p99",
      wanted: 250,
      is: "at most",
      unit: "ms",
      measured: results.map(({ store, tail }) => [store, tail.p99]),
    },
  ];
}
