import { setTimeout as sleep } from "node:timers/promises";
import { start, type Started } from "./child.ts";
import { findProgram } from "./programs.ts";

/** Whether statements go as text or as prepared statements. */
export const statementModes = ["text", "prepared"] as const;
export type StatementMode = (typeof statementModes)[number];

/** What sysbench connects to. */
export interface SysbenchTarget {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Whether sysbench itself speaks TLS; it reads `client-key.pem`, `client-cert.pem` and `cacert.pem` where it runs. */
  readonly tls?: boolean;
}

/** Rows of the one table: all of it stays in memory. */
const tableSize = 10_000;

/** Arguments up to the command. */
export function sysbenchArguments(target: SysbenchTarget, more: readonly string[] = []): string[] {
  const { port, user, password, database } = target;
  return [
    "oltp_point_select",
    "--db-driver=mysql",
    "--mysql-host=127.0.0.1",
    `--mysql-port=${port}`,
    `--mysql-user=${user}`,
    `--mysql-password=${password}`,
    `--mysql-db=${database}`,
    `--mysql-ssl=${target.tls === true ? "on" : "off"}`,
    "--tables=1",
    `--table-size=${tableSize}`,
    ...more,
  ];
}

const pollMs = 20;

/** sysbench's point selects, stopped (SIGSTOP) but for the stretches in which they are measured; the server itself counts. */
export class PausedSysbench {
  readonly #started: Started;
  readonly #count: () => Promise<number>;

  private constructor(started: Started, count: () => Promise<number>) {
    this.#started = started;
    this.#count = count;
  }

  /** Connects all clients, lets them run for `warmMs`, and stops. `count`: statements that the server has executed so far. */
  static async start(
    target: SysbenchTarget,
    options: {
      readonly mode: StatementMode;
      readonly clients: number;
      readonly directory: string;
      readonly warmMs: number;
      readonly count: () => Promise<number>;
    },
  ): Promise<PausedSysbench> {
    const { mode, clients, directory, count } = options;
    const ps = `--db-ps-mode=${mode === "text" ? "disable" : "auto"}`;
    const before = await count();
    const started = start(
      findProgram("sysbench"),
      [...sysbenchArguments(target, [ps, `--threads=${clients}`, "--time=0"]), "run"],
      { cwd: directory },
    );
    // It begins once all clients are connected.
    while ((await count()) - before <= clients) {
      await sleep(pollMs);
    }
    await sleep(options.warmMs);
    started.child.kill("SIGSTOP");
    return new PausedSysbench(started, count);
  }

  /** Runs for one stretch and tells how many statements were executed, and in how many seconds. */
  async stretch(forMs: number): Promise<{ readonly statements: number; readonly seconds: number }> {
    const before = await this.#count();
    const startMs = performance.now();
    this.#started.child.kill("SIGCONT");
    await sleep(forMs);
    this.#started.child.kill("SIGSTOP");
    const seconds = (performance.now() - startMs) / 1_000;
    return { statements: (await this.#count()) - before, seconds };
  }

  end(): Promise<void> {
    return this.#started.stop();
  }
}
