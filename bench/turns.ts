import { cpuSecondsOf } from "./process-stat.ts";
import { makeFolder } from "./folder.ts";
import { PausedPgbench, type PgbenchTarget, type Protocol, protocols } from "./pgbench.ts";
import { groupedQuantile } from "./statistics.ts";

/** Something that pgbench can be pointed at. */
export interface System {
  readonly name: string;
  readonly target: PgbenchTarget;
  /** The proxy's process; absent for the server itself. */
  readonly pid?: number;
  /** Waits until it has done everything that the stretch gave it to do, so that the next system's turn is its own. */
  readonly settle?: () => Promise<unknown>;
}

/** What was seen of a system, one value a round. */
export interface Seen {
  /** Transactions a second. */
  readonly perSecond: number[];
  /** µs. */
  readonly p50: number[];
  readonly p99: number[];
  /** CPU of the proxy's process for a statement, µs, with everything that follows from it, such as shipping its record. */
  readonly cpu: number[];
  /** From the end of a stretch until everything that follows from it is done too, ms: work that the rate does not show. */
  readonly settleMs: number[];
}

/** How much a cell is measured. */
export interface Effort {
  readonly stretchMs: number;
  readonly rounds: number;
  /** An uncounted stretch of each system, alone like the counted ones: code is compiled and caches are filled by then. */
  readonly warmMs: number;
  /** No new round begins after so long; at least two are run. */
  readonly budgetMs: number;
}

/** Clients that a process is warmed up by. */
const heatClients = 16;

/**
 * Lets processes run as they do in a long life, before anything is measured: Node compiles code well only after it has run for seconds.
 * The systems run at the same time, for `forMs` with each protocol.
 */
export async function heat(systems: readonly System[], forMs: number): Promise<void> {
  for (const protocol of protocols) {
    await Promise.all(
      systems.map(async ({ target, settle }) => {
        const directory = makeFolder("heat");
        const pgbench = await PausedPgbench.start(target, { protocol, clients: heatClients, directory });
        await pgbench.stretch(forMs);
        await pgbench.end();
        await settle?.();
      }),
    );
  }
}

/** Measures systems in turns with the same load: A B C, then B C A, and so on. */
export async function takeTurns(
  systems: readonly System[],
  load: { readonly protocol: Protocol; readonly clients: number },
  effort: Effort,
): Promise<ReadonlyMap<string, Seen>> {
  const beganMs = performance.now();
  const entrants = await Promise.all(
    systems.map(async (system) => {
      const directory = makeFolder("pgbench");
      const pgbench = await PausedPgbench.start(system.target, { ...load, directory });
      return { system, pgbench, cpuSeconds: [] as number[], settleMs: [] as number[] };
    }),
  );
  for (const { system, pgbench } of entrants) {
    await pgbench.stretch(effort.warmMs);
    await system.settle?.();
  }
  for (let round = 0; round < effort.rounds; round += 1) {
    if (round >= 2 && performance.now() - beganMs > effort.budgetMs) {
      break;
    }
    const first = round % entrants.length;
    for (const { system, pgbench, cpuSeconds, settleMs } of [...entrants.slice(first), ...entrants.slice(0, first)]) {
      const before = system.pid === undefined ? 0 : cpuSecondsOf(system.pid);
      await pgbench.stretch(effort.stretchMs);
      const stoppedMs = performance.now();
      await system.settle?.();
      settleMs.push(performance.now() - stoppedMs);
      cpuSeconds.push(system.pid === undefined ? 0 : cpuSecondsOf(system.pid) - before);
    }
  }
  const seen = new Map<string, Seen>();
  const ends = await Promise.all(
    entrants.map(async (entrant) => ({ ...entrant, stretches: (await entrant.pgbench.end()).slice(1) })),
  );
  for (const { system, cpuSeconds, settleMs, stretches } of ends) {
    seen.set(system.name, {
      perSecond: stretches.map(({ perSecond }) => perSecond),
      p50: stretches.map(({ latencies }) => groupedQuantile(latencies, 0.5)),
      p99: stretches.map(({ latencies }) => groupedQuantile(latencies, 0.99)),
      cpu: stretches.map(({ transactions }, round) => ((cpuSeconds[round] ?? 0) * 1e6) / transactions),
      settleMs,
    });
  }
  return seen;
}
