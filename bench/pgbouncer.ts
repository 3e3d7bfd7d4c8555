import { once } from "node:events";
import { connect } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "#test/harness/postgres.ts";
import { start, type Started } from "./child.ts";
import { makeFolder, unprivileged, writeOwned } from "./folder.ts";
import { findProgram } from "./programs.ts";

/** A server that something stands in front of. */
export interface Upstream {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** File with the authority of its certificate; with it, the connection to the server is TLS, fully verified. */
  readonly caFile?: string;
}

/** A proxy under measurement. */
export interface Rival extends Started {
  readonly port: number;
}

/** Starts PgBouncer in session mode. Its clients need no password, as a Sallyport client behind its tunnel needs none. */
export async function startPgBouncer(upstream: Upstream): Promise<Rival> {
  const folder = makeFolder("pgbouncer");
  const port = await freePort();
  const { user, password, database, caFile } = upstream;
  const target = `host=127.0.0.1 port=${upstream.port} dbname=${database} user=${user} password=${password}`;
  const tls =
    caFile === undefined
      ? ["server_tls_sslmode = disable"]
      : ["server_tls_sslmode = verify-full", `server_tls_ca_file = ${caFile}`];
  const lines = [
    "[databases]",
    `${database} = ${target}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    `unix_socket_dir =`,
    "auth_type = any",
    "pool_mode = session",
    "default_pool_size = 3000",
    "max_client_conn = 6000",
    "log_connections = 0",
    "log_disconnections = 0",
    "ignore_startup_parameters = extra_float_digits",
    ...tls,
  ];
  const config = writeOwned(path.join(folder, "pgbouncer.ini"), `${lines.join("\n")}\n`);
  const started = start(findProgram("pgbouncer"), [config], { ...unprivileged, cwd: folder });
  await untilListening(port);
  return { ...started, port };
}

/** Waits until something takes connections; each try is a real one. */
export async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      socket.destroy();
      return;
    } catch {
      await sleep(20);
    }
  }
}
