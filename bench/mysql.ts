import { mariadbMissing } from "#test/harness/mariadb.ts";
import { durabilities, type Durability, grantsFor } from "./grants.ts";
import { startHAProxy } from "./haproxy.ts";
import { type BenchMySQL, startBenchMySQL } from "./mysql-server.ts";
import type { BenchOptions } from "./options.ts";
import { cpuSecondsOf } from "./process-stat.ts";
import { say } from "./progress.ts";
import { type Sallyport, startSallyport } from "./sallyport.ts";
import { PausedSysbench, type StatementMode, statementModes, type SysbenchTarget } from "./sysbench.ts";

/** What was seen of a system, one value a round. */
export interface MySQLSeen {
  /** Statements a second. */
  readonly perSecond: number[];
  /** CPU of the proxy's process for a statement, µs. */
  readonly cpu: number[];
}

/** One load, and what was seen under it by name of the system: those that end in TLS speak TLS to the server. */
export interface MySQLCell {
  readonly mode: StatementMode;
  readonly clients: number;
  readonly seen: ReadonlyMap<string, MySQLSeen>;
}

/** What was found, or why nothing could be. */
export type MySQLResult = readonly MySQLCell[] | { readonly skipped: string };

interface MySQLSystem {
  readonly name: string;
  readonly target: SysbenchTarget;
  readonly pid?: number;
  readonly settle?: () => Promise<unknown>;
}

const clientCounts = [1, 8, 32, 100] as const;
const quickClientCounts = [1, 32] as const;
const stretchMs = 300;
const warmMs = 500;
const rounds = { full: 6, quick: 4 } as const;

/** Measures point selects through everything, in turns. */
export async function runMySQL(options: BenchOptions): Promise<MySQLResult> {
  const missing = await mariadbMissing();
  if (missing !== undefined) {
    return { skipped: missing };
  }
  const server = await startBenchMySQL();
  const { password, user, database, port } = server.target;
  const grants = grantsFor({ engine: "MariaDB", port, databaseName: database, username: user });
  const { caFile } = server;
  const { profile } = options;
  const haproxy = await startHAProxy(port);
  const local = await startSallyport({ grants, caFile, password, controller: "forget", profile });
  const remote = await startSallyport({ grants, caFile, password, controller: "store", profile });
  try {
    const systems = systemsOf(server, haproxy, { written: local, synced: local, remote });
    const { only, quick } = options;
    const counts = only.clients.length > 0 ? only.clients : quick ? quickClientCounts : clientCounts;
    const cells: MySQLCell[] = [];
    for (const mode of statementModes) {
      for (const clients of counts) {
        say(`mysql: ${mode}, clients: ${clients}, systems: ${systems.length}`);
        const seen = await takeTurns(
          server,
          systems,
          { mode, clients },
          options.rounds ?? rounds[quick ? "quick" : "full"],
        );
        cells.push({ mode, clients, seen });
      }
    }
    return cells;
  } finally {
    for (const started of [remote, local, haproxy, server]) {
      await started.stop();
    }
  }
}

/** The proxy has no plain way to a MySQL server, so the others are measured with TLS too: there sysbench itself speaks it. */
function systemsOf(
  { target }: BenchMySQL,
  haproxy: { readonly port: number; readonly pid: number },
  ours: Readonly<Record<Durability, Sallyport>>,
): MySQLSystem[] {
  return [
    { name: "direct", target },
    { name: "directTLS", target: { ...target, tls: true } },
    { name: "haproxy", target: { ...target, port: haproxy.port }, pid: haproxy.pid },
    { name: "haproxyTLS", target: { ...target, port: haproxy.port, tls: true }, pid: haproxy.pid },
    ...(Object.keys(durabilities) as Durability[]).map((name) => ({
      name,
      target: { ...target, port: ours[name].ports[name] },
      pid: ours[name].pid,
      settle: () => ours[name].ask("drain"),
    })),
  ];
}

async function takeTurns(
  server: BenchMySQL,
  systems: readonly MySQLSystem[],
  load: { readonly mode: StatementMode; readonly clients: number },
  rounds: number,
): Promise<ReadonlyMap<string, MySQLSeen>> {
  const { directory } = server;
  const count = (): Promise<number> => server.count(load.mode);
  const entrants: { system: MySQLSystem; sysbench: PausedSysbench; seen: MySQLSeen }[] = [];
  // One after the other: the server counts for all of them together.
  for (const system of systems) {
    const sysbench = await PausedSysbench.start(system.target, { ...load, directory, warmMs, count });
    entrants.push({ system, sysbench, seen: { perSecond: [], cpu: [] } });
    await system.settle?.();
  }
  for (let round = 0; round < rounds; round += 1) {
    const first = round % entrants.length;
    for (const { system, sysbench, seen } of [...entrants.slice(first), ...entrants.slice(0, first)]) {
      const before = system.pid === undefined ? 0 : cpuSecondsOf(system.pid);
      const { statements, seconds } = await sysbench.stretch(stretchMs);
      await system.settle?.();
      const cpuSeconds = system.pid === undefined ? 0 : cpuSecondsOf(system.pid) - before;
      seen.perSecond.push(statements / seconds);
      seen.cpu.push((cpuSeconds * 1e6) / statements);
    }
  }
  for (const { sysbench } of entrants) {
    await sysbench.end();
  }
  return new Map(entrants.map(({ system, seen }) => [system.name, seen]));
}
