import type { BulkRatios } from "./bulk-report.ts";
import type { ConnectResult } from "./connect.ts";
import type { Goal } from "./goal.ts";
import type { MemoryResult } from "./memory.ts";
import { type CellRatios, type Ratios, saysAdded } from "./postgres-ratios.ts";
import type { ScaleResult } from "./scale.ts";

type Case = readonly [string, number];

function casesOf(
  cells: readonly CellRatios[],
  system: string,
  value: (ratios: Ratios) => number,
  clients: (count: number) => boolean = () => true,
): Case[] {
  return cells.flatMap((cell) => {
    const ratios = cell.systems.get(system);
    return ratios === undefined || !clients(cell.clients)
      ? []
      : [[`${cell.protocol}, ${cell.clients} ${cell.clients === 1 ? "client" : "clients"}`, value(ratios)] as const];
  });
}

/** What is wanted of the Postgres data path with audit on. */
export function postgresGoals(cells: readonly CellRatios[], flushMicroseconds: number): Goal[] {
  const perSecond = ({ vsPgBouncer }: Ratios): number => vsPgBouncer.median;
  const isOne = (count: number): boolean => count === 1;
  if (cells.some(({ tls }) => tls)) {
    return [
      {
        what: "`Written`, TLS to the server: statements a second ÷ PgBouncer's with TLS",
        wanted: 0.9,
        is: "at least",
        measured: casesOf(cells, "written", perSecond),
      },
    ];
  }
  const flushes = cells
    .filter(({ clients }) => isOne(clients))
    .flatMap((cell): Case[] => {
      const [synced, bouncer] = [cell.systems.get("synced"), cell.systems.get("pgbouncer")];
      return synced === undefined || bouncer === undefined
        ? []
        : [[cell.protocol, (synced.addedP50Microseconds - 1.1 * bouncer.addedP50Microseconds) / flushMicroseconds]];
    });
  return [
    {
      what: "`Written`: statements a second ÷ PgBouncer's",
      wanted: 0.95,
      is: "at least",
      measured: casesOf(cells, "written", perSecond),
    },
    {
      what: "`Synced`, 32 clients or more: statements a second ÷ PgBouncer's",
      wanted: 0.85,
      is: "at least",
      measured: casesOf(cells, "synced", perSecond, (count) => count >= 32),
    },
    {
      what: "`Written`: added median latency at one client ÷ PgBouncer's",
      wanted: 1.1,
      is: "at most",
      measured: casesOf(cells.filter(saysAdded), "written", (ratios) => ratios.addedP50VsPgBouncer, isOne),
    },
    {
      what: "`Synced`: added median latency at one client beyond 1.1 × PgBouncer's, in flushes of the device",
      wanted: 1,
      is: "at most",
      measured: flushes,
    },
    {
      what: "`Written`: CPU for a statement ÷ PgBouncer's",
      wanted: 1.15,
      is: "at most",
      measured: casesOf(cells, "written", ({ cpuVsPgBouncer }) => cpuVsPgBouncer.median),
    },
  ];
}

/** What is wanted of bulk data. */
export function bulkGoals(all: readonly BulkRatios[]): Goal[] {
  return [
    {
      what: "Bulk: MB a second ÷ HAProxy's",
      wanted: 1,
      is: "at least",
      measured: all.map(({ kind, vsHAProxy }) => [kind, vsHAProxy.median]),
    },
    {
      what: "Bulk: MB a second ÷ PgBouncer's",
      wanted: 3,
      is: "at least",
      measured: all.map(({ kind, vsPgBouncer }) => [kind, vsPgBouncer.median]),
    },
  ];
}

/** What is wanted of memory. */
export function memoryGoals({ idle, idleTLS, stalled }: MemoryResult): Goal[] {
  return [
    {
      what: "An idle session, plain to the server",
      wanted: 24,
      is: "at most",
      unit: "kB",
      measured: [["plain", idle.bytesPerSession / 1_000]],
    },
    {
      what: "An idle session, TLS to the server",
      wanted: 64,
      is: "at most",
      unit: "kB",
      measured: idleTLS === undefined ? [] : [["TLS", idleTLS.bytesPerSession / 1_000]],
    },
    {
      what: "Another session's statements a second while 100 readers stall ÷ those without",
      wanted: 0.95,
      is: "at least",
      measured: stalled === undefined ? [] : [["stalled", stalled.otherSession]],
    },
  ];
}

/** What is wanted of a storm. */
export function connectGoals({ storm }: ConnectResult): Goal[] {
  return [
    {
      what: `Of ${storm.connections} connections within a second, those that failed`,
      wanted: 0,
      is: "at most",
      measured: [["storm", storm.failures]],
    },
  ];
}

/** Share of Identity Center's calls that looking after live Grants may take: the others are for people. */
const steadyShareMax = 0.25;

/** The goals of scale (docs/scale.md). */
export function scaleGoals({ convergences, restart, steady, idleLag, busyLag }: ScaleResult): Goal[] {
  return [
    {
      what: "Grants become live, time ÷ what AWS's limits allow for",
      wanted: 1.1,
      is: "at most",
      measured: convergences.map(({ grants, objects, ratio }) => [`${grants}, ${objects} in all`, ratio]),
    },
    {
      what: `Restart with ${restart.objects} Grants, until idle`,
      wanted: 10,
      is: "at most",
      measured: [["restart", restart.idleSeconds]],
      unit: "s",
    },
    {
      what: "Restart, writes",
      wanted: 0,
      is: "at most",
      measured: [
        ["AWS", restart.writes],
        ["status", restart.statusWrites],
      ],
    },
    {
      what: `Calls to Identity Center for ${steady.live} live Grants with nothing to do ÷ its limit`,
      wanted: steadyShareMax,
      is: "at most",
      measured: [["steady", steady.shareOfLimit]],
    },
    {
      what: "Revocation, p99 at the proxy, nothing else to do",
      wanted: 1_000,
      is: "at most",
      measured: [["idle", idleLag.p99]],
      unit: "ms",
    },
    {
      what: "Revocation, p99 at the proxy, Grants queued for creation",
      wanted: 5_000,
      is: "at most",
      measured: [["busy", busyLag.p99]],
      unit: "ms",
    },
  ];
}
