import { durabilities, type Durability } from "./grants.ts";
import { type Cell, tlsSuffix } from "./postgres.ts";
import { median, type Ratio, ratioOf } from "./statistics.ts";
import type { Seen } from "./turns.ts";

/** A system beside PgBouncer and the server itself, under one load. */
export interface Ratios {
  /** Statements a second. */
  readonly vsPgBouncer: Ratio;
  readonly vsDirect: Ratio;
  /** Absent in a quick run. */
  readonly vsHAProxy?: Ratio;
  /** Median latency above that of the server alone, in units of what PgBouncer adds. */
  readonly addedP50VsPgBouncer: number;
  /** CPU of the proxy's process for a statement. */
  readonly cpuVsPgBouncer: Ratio;
  /** Latency above that of the server alone, µs: for comparison with a device's flush, not with other machines. */
  readonly addedP50Microseconds: number;
  /** From the end of a stretch of 0.3 s until all its records were acknowledged. */
  readonly settleMilliseconds: number;
}

/** Ratios of one load, by system: each durability, and PgBouncer and HAProxy themselves. */
export interface CellRatios {
  readonly protocol: Cell["protocol"];
  readonly clients: number;
  readonly tls: boolean;
  readonly systems: ReadonlyMap<string, Ratios>;
}

/** Turns what was seen into ratios: one entry for the plain systems, one for those with TLS to the server, as far as they ran. */
export function ratiosOf(cell: Cell): CellRatios[] {
  return [false, true].flatMap((tls) => {
    const suffix = tls ? tlsSuffix : "";
    const direct = cell.seen.get(`direct${suffix}`);
    const bouncer = cell.seen.get(`pgbouncer${suffix}`);
    if (direct === undefined || bouncer === undefined) {
      return [];
    }
    const haproxy = tls ? undefined : cell.seen.get("haproxy");
    const names = ["pgbouncer", "haproxy", ...(Object.keys(durabilities) as Durability[])];
    const systems = new Map<string, Ratios>();
    for (const name of names) {
      const seen = cell.seen.get(`${name}${suffix}`);
      if (seen !== undefined) {
        systems.set(name, ratios(seen, { direct, bouncer, haproxy }));
      }
    }
    return [{ protocol: cell.protocol, clients: cell.clients, tls, systems }];
  });
}

/** By so much, µs, one client's median moves from round to round: what PgBouncer adds must be more before anything can be a multiple of it. */
const noiseMicroseconds = 10;

/** Whether PgBouncer's own added latency is more than noise, so that a ratio to it says something. */
export function saysAdded({ systems }: CellRatios): boolean {
  return (systems.get("pgbouncer")?.addedP50Microseconds ?? 0) > noiseMicroseconds;
}

function ratios(
  seen: Seen,
  { direct, bouncer, haproxy }: { readonly direct: Seen; readonly bouncer: Seen; readonly haproxy: Seen | undefined },
): Ratios {
  const added = addedOf(seen.p50, direct.p50);
  return {
    vsPgBouncer: ratioOf(seen.perSecond, bouncer.perSecond),
    vsDirect: ratioOf(seen.perSecond, direct.perSecond),
    ...(haproxy === undefined ? {} : { vsHAProxy: ratioOf(seen.perSecond, haproxy.perSecond) }),
    addedP50VsPgBouncer: added / addedOf(bouncer.p50, direct.p50),
    cpuVsPgBouncer: ratioOf(seen.cpu, bouncer.cpu),
    addedP50Microseconds: added,
    settleMilliseconds: median(seen.settleMs),
  };
}

/**
 * Median over the rounds of the difference in each. With many clients a proxy may even take load off a small machine and answer
 * sooner; a ratio to less than a tenth of a microsecond would say nothing.
 */
function addedOf(with_: readonly number[], without: readonly number[]): number {
  const added = median(with_.map((value, round) => value - (without[round] ?? Number.NaN)).filter(Number.isFinite));
  return Math.abs(added) < 0.1 ? 0.1 : added;
}
