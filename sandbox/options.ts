import { type Clock, systemClock } from "#lib/clock.ts";
import { type Log, silentLog } from "#lib/log.ts";
import { defaultDelays, defaultLimits, type Delays, type Limits } from "./context.ts";
import { type FaultPlan, noFaults } from "./faults.ts";
import { type Random, systemRandom } from "./ids.ts";
import type { ComputeOptions } from "./running.ts";
import { demoSeed, type Seed } from "./seed.ts";

/** How to start a sandbox; everything may be left out. */
export interface SandboxOptions {
  /** Address to listen on. Absent: `127.0.0.1`. The sandbox has no protection of its own, so it belongs on loopback. */
  readonly host?: string;
  /** Absent: 0, any free port. */
  readonly port?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  /** Absent: the demo organisation. */
  readonly seed?: Seed;
  readonly delays?: Partial<Delays>;
  readonly limits?: Partial<Limits>;
  /** Absent: everything works. */
  readonly faults?: FaultPlan;
  /** ECS and Session Manager: what a task's container runs (absent: this checkout's `sallyport proxy`), delays, session times. */
  readonly compute?: ComputeOptions;
}

/** Options with every default filled in. */
export type CompiledOptions = Required<Omit<SandboxOptions, "delays" | "limits">> & {
  readonly delays: Delays;
  readonly limits: Limits;
};

/** Fills in the defaults. */
export function compileOptions(options: SandboxOptions): CompiledOptions {
  return {
    host: options.host ?? "127.0.0.1",
    port: options.port ?? 0,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    log: options.log ?? silentLog,
    seed: options.seed ?? demoSeed(),
    delays: { ...defaultDelays, ...options.delays },
    limits: { ...defaultLimits, ...options.limits },
    faults: options.faults ?? noFaults,
    compute: options.compute ?? {},
  };
}
