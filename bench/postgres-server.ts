import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import type { Upstream } from "./pgbouncer.ts";
import { findProgram } from "./programs.ts";

/** Login role of every client, as a Database's role would be. */
const role = { username: "read_only", password: "correct-horse-battery" } as const;

/** A Postgres 18 with pgbench's tables. */
export interface BenchPostgres extends Upstream {
  readonly caFile: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** 100,000 rows, 15 MB: all of it stays in memory, so that what stands before the server is measured and not its disk. */
const scale = 1;

/** Starts it. A few seconds. */
async function startBenchPostgres(): Promise<BenchPostgres> {
  const server: TestPostgres = await startPostgres({
    initSQL: `create role ${role.username} login password '${role.password}'; grant pg_read_all_data to ${role.username};`,
    tls: "host",
    settings: { max_connections: "4000", autovacuum: "off", shared_buffers: "128MB", jit: "off" },
  });
  await promisify(execFile)(
    findProgram("pgbench"),
    [
      "--initialize",
      `--scale=${scale}`,
      "--quiet",
      "-h",
      "127.0.0.1",
      "-p",
      String(server.port),
      "-U",
      "postgres",
      server.database,
    ],
    { env: { PGPASSWORD: server.password, PGSSLMODE: "disable", LANG: "C" } },
  );
  return {
    port: server.port,
    user: role.username,
    password: role.password,
    database: server.database,
    caFile: server.caFile,
    pid: server.serverProcessID,
    stop: () => server.stop(),
  };
}

let shared: Promise<BenchPostgres> | undefined;

/** The server that all parts of a run share: it is nobody's to stop, and ends with the bench. */
export function sharedPostgres(): Promise<BenchPostgres> {
  return (shared ??= startBenchPostgres());
}

/** Stops the shared server, where there is one. */
export async function stopSharedPostgres(): Promise<void> {
  await (await shared)?.stop();
}
