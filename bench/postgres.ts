import { grantsFor, type Durability, durabilities } from "./grants.ts";
import { startHAProxy } from "./haproxy.ts";
import type { BenchOptions } from "./options.ts";
import { protocols, type PgbenchTarget } from "./pgbench.ts";
import { startPgBouncer } from "./pgbouncer.ts";
import { type BenchPostgres, sharedPostgres } from "./postgres-server.ts";
import { say } from "./progress.ts";
import { type Sallyport, startSallyport } from "./sallyport.ts";
import { type Effort, type Seen, type System, heat, takeTurns } from "./turns.ts";

/** One load, with everything that was measured under it. */
export interface Cell {
  readonly protocol: (typeof protocols)[number];
  readonly clients: number;
  /** By name of the system: direct, pgbouncer, haproxy, written, synced, remote, and the same with TLS to the server. */
  readonly seen: ReadonlyMap<string, Seen>;
}

/** Names of the systems whose connection to the server is TLS end in this. */
export const tlsSuffix = "TLS";
const clientCounts = [1, 8, 32, 100] as const;
const quickClientCounts = [1, 32] as const;
/** A stretch is long enough for thousands of statements and short enough that a busy moment of the machine hits several systems. */
const fullEffort: Effort = { stretchMs: 300, rounds: 7, warmMs: 500, budgetMs: 30_000 };
const quickEffort: Effort = { stretchMs: 180, rounds: 9, warmMs: 250, budgetMs: 0 };
/** For each protocol, with all systems of ours at the same time. */
const heatMs = 5_000;
const quickHeatMs = 1_200;
/** A quick run is done with this part by then, from the start of the process: two rounds of each load are run in any case. */
const quickEndMs = 22_000;

/** Measures select-only statements through everything, in turns. */
export async function runPostgres(options: BenchOptions): Promise<Cell[]> {
  const { quick, only } = options;
  const server = await sharedPostgres();
  const stops: (() => Promise<void>)[] = [];
  try {
    const systems = (await startSystems(server, options, stops)).filter(
      ({ name }) => only.systems.length === 0 || only.systems.includes(name),
    );
    const counts = only.clients.length > 0 ? only.clients : quick ? quickClientCounts : clientCounts;
    const effort = quick ? quickEffort : fullEffort;
    const cells: Cell[] = [];
    say("postgres: warming up");
    await heat(
      systems.filter(({ settle }) => settle !== undefined),
      quick ? quickHeatMs : heatMs,
    );
    const loads = protocols
      .filter((protocol) => only.protocols.length === 0 || only.protocols.includes(protocol))
      .flatMap((protocol) => counts.map((clients) => ({ protocol, clients })));
    for (const [index, load] of loads.entries()) {
      say(`postgres: ${load.protocol}, clients: ${load.clients}, systems: ${systems.length}`);
      const fairShareMs = (quickEndMs - performance.now()) / (loads.length - index);
      const budgetMs = quick ? fairShareMs : effort.budgetMs;
      const seen = await takeTurns(systems, load, {
        ...effort,
        rounds: options.rounds ?? effort.rounds,
        budgetMs: options.rounds === undefined ? budgetMs : Infinity,
      });
      cells.push({ ...load, seen });
    }
    return cells;
  } finally {
    for (const stop of stops.toReversed()) {
      await stop();
    }
  }
}

/** Everything that pgbench is pointed at. In a quick run nothing with TLS, and no HAProxy. */
async function startSystems(
  server: BenchPostgres,
  { quick, profile }: BenchOptions,
  stops: (() => Promise<void>)[],
): Promise<System[]> {
  const { port, user, password, database } = server;
  const plain = { port, user, password, database };
  const to = (port: number, tls = false): PgbenchTarget => ({ ...plain, port, tls });
  const keep = <T extends { stop(): Promise<void> }>(started: T): T => {
    stops.push(() => started.stop());
    return started;
  };
  const systems: System[] = [{ name: "direct", target: to(server.port) }];
  const bouncer = keep(await startPgBouncer(plain));
  systems.push({ name: "pgbouncer", target: to(bouncer.port), pid: bouncer.pid });
  if (!quick) {
    const haproxy = keep(await startHAProxy(server.port));
    systems.push({ name: "haproxy", target: to(haproxy.port), pid: haproxy.pid });
  }
  systems.push(...(await startOurs(server, { plain: true, profile }, keep, to)));
  if (!quick) {
    const bouncerTLS = keep(await startPgBouncer(server));
    systems.push(
      { name: `direct${tlsSuffix}`, target: to(server.port, true) },
      { name: `pgbouncer${tlsSuffix}`, target: to(bouncerTLS.port), pid: bouncerTLS.pid },
      ...(await startOurs(server, { plain: false, profile }, keep, to)),
    );
  }
  return systems;
}

/**
 * Sallyport with each durability. What waits for the controller needs its real store; for the others the controller is another
 * machine's work, and here a process that acknowledges at once.
 */
async function startOurs(
  server: BenchPostgres,
  how: { readonly plain: boolean; readonly profile: string | undefined },
  keep: <T extends { stop(): Promise<void> }>(started: T) => T,
  to: (port: number) => PgbenchTarget,
): Promise<System[]> {
  const { caFile, password } = server;
  const grants = grantsFor({
    engine: "PostgreSQL",
    port: server.port,
    databaseName: server.database,
    username: server.user,
  });
  const start = async (controller: "forget" | "store"): Promise<Sallyport> =>
    keep(await startSallyport({ grants, caFile, password, controller, ...how }));
  const [local, remote] = await Promise.all([start("forget"), start("store")]);
  const by: Readonly<Record<Durability, Sallyport>> = { written: local, synced: local, remote };
  return (Object.keys(durabilities) as Durability[]).map((name) => {
    const { pid, ports, ask } = by[name];
    return {
      name: how.plain ? name : `${name}${tlsSuffix}`,
      target: to(ports[name]),
      pid,
      settle: () => ask("drain"),
    };
  });
}
