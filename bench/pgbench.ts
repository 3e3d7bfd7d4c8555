import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { start, type Started } from "./child.ts";
import { readStretches, type Stretch } from "./pgbench-log.ts";
import { findProgram } from "./programs.ts";

/** pgbench's query modes, see its `--protocol`. */
export const protocols = ["simple", "extended", "prepared"] as const;
export type Protocol = (typeof protocols)[number];

/** What a run of pgbench connects to. */
export interface PgbenchTarget {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Whether the client itself speaks TLS; only for going to the server directly. */
  readonly tls?: boolean;
}

/** How much may be connecting, and to how slow a thing. */
const readyTimeoutMs = 60_000;

/**
 * `pgbench --select-only` that is stopped (SIGSTOP) but for the stretches in which it is measured. So the systems take turns within
 * a fraction of a second over connections that stay open, and whatever disturbs the machine disturbs all of them.
 */
export class PausedPgbench {
  readonly #started: Started;
  readonly #log: string;
  readonly #windows: [number, number][] = [];

  private constructor(started: Started, log: string) {
    this.#started = started;
    this.#log = log;
  }

  /** Connects all clients and stops. */
  static async start(
    target: PgbenchTarget,
    options: {
      readonly protocol: Protocol;
      readonly clients: number;
      readonly directory: string;
    },
  ): Promise<PausedPgbench> {
    const prefix = path.join(options.directory, "transactions");
    const args = ["--select-only", "--no-vacuum", "--log", `--log-prefix=${prefix}`, "--time=36000", "--jobs=1"];
    const connection = ["-h", "127.0.0.1", "-p", String(target.port), "-U", target.user, target.database];
    const started = start(
      findProgram("pgbench"),
      [...args, `--protocol=${options.protocol}`, `--client=${options.clients}`, ...connection],
      {
        env: { PGPASSWORD: target.password, PGSSLMODE: target.tls === true ? "require" : "disable", LANG: "C" },
        cwd: options.directory,
      },
    );
    const log = `${prefix}.${started.pid}`;
    const pgbench = new PausedPgbench(started, log);
    const endsMs = performance.now() + readyTimeoutMs;
    // Its first lines mean that all clients are connected: it logs nothing before.
    while (!existsSync(log) || statSync(log).size === 0) {
      if (performance.now() > endsMs) {
        throw new Error(`pgbench with ${options.clients} clients did not begin on port ${target.port}`);
      }
      await sleep(10);
    }
    started.child.kill("SIGSTOP");
    return pgbench;
  }

  /** Runs for one stretch. */
  async stretch(forMs: number): Promise<void> {
    const fromMs = Date.now();
    this.#started.child.kill("SIGCONT");
    await sleep(forMs);
    this.#started.child.kill("SIGSTOP");
    // A signal is delivered at once; the last lines are of this very millisecond.
    this.#windows.push([fromMs, Date.now() + 1]);
  }

  /** Ends it and tells of the stretches, in order. */
  async end(): Promise<Stretch[]> {
    const { child } = this.#started;
    child.removeAllListeners("exit");
    const exited = new Promise((resolve) => child.once("exit", resolve));
    // pgbench's own end of time: it finishes its transactions and flushes its log.
    child.kill("SIGALRM");
    child.kill("SIGCONT");
    await exited;
    await this.#started.stop();
    const log = readFileSync(this.#log);
    rmSync(this.#log);
    return readStretches(log, this.#windows);
  }
}
