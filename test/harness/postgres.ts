import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { createAuthority } from "#sandbox/certificates.ts";
import { startGuard } from "./guard.ts";
import { postgresBinaries } from "./postgres-binaries.ts";

const run = promisify(execFile);

/** The account that a root process drops to: `nobody` on every Linux, with an entry in passwd, as the server wants. */
const unprivilegedID = 65_534;

export interface PostgresOptions {
  /** Folder whose `bin/` holds the server; Postgres 18 of its npm package by default. */
  readonly binaries?: string;
  /** Database to create; `orders` by default. */
  readonly database?: string;
  /** SQL run in that database once it is up. */
  readonly initSQL?: string;
  /** Further server settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** `hostssl` (default) takes connections with TLS only; `host` takes both; `off` has no TLS at all. */
  readonly tls?: "hostssl" | "host" | "off";
  /** Authentication method in pg_hba.conf: `scram-sha-256` by default. */
  readonly auth?: "scram-sha-256" | "md5" | "password" | "trust";
  /** 0 by default: a free one. */
  readonly port?: number;
}

/** A running Postgres with TLS of its own authority, on a loopback port. */
export interface TestPostgres {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly database: string;
  readonly superuser: "postgres";
  readonly password: string;
  /** The authority that signed the server's certificate, PEM, and the same in a file. */
  readonly ca: string;
  readonly caFile: string;
  readonly logFile: string;
  readonly serverProcessID: number;
  /** Runs SQL as the superuser, on a connection of its own. */
  query<T extends pg.QueryResultRow = pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<T[]>;
  /** Stops the server at once and removes its files. */
  stop(): Promise<void>;
}

/** Starts a fresh server: initdb, certificates, database, `initSQL`. About a second. */
export async function startPostgres(options: PostgresOptions = {}): Promise<TestPostgres> {
  const native = options.binaries ?? postgresBinaries();
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-pg-"));
  const identity = dropTo();
  const data = path.join(folder, "data");
  mkdirSync(data, { mode: 0o700 });
  const password = `super-${Math.random().toString(36).slice(2)}`;
  const passwordFile = own(path.join(folder, "password"), password, identity);
  chown(folder, identity);
  chown(data, identity);
  await run(
    path.join(native, "bin", "initdb"),
    [
      "-D",
      data,
      "-U",
      "postgres",
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "-E",
      "UTF8",
      "--no-sync",
      "--locale=C",
    ],
    { ...identity, cwd: folder, env: serverEnvironment() },
  );
  const authority = await createAuthority("Sallyport test database CA", Date.now());
  const server = await authority.issue(["127.0.0.1", "localhost"]);
  own(path.join(data, "server.crt"), server.certificate, identity);
  own(path.join(data, "server.key"), server.privateKey, identity);
  const caFile = own(path.join(folder, "ca.pem"), authority.certificate, identity, 0o644);
  writeAccessRules(data, options, identity);
  const port = options.port ? options.port : await freePort();
  const logFile = path.join(folder, "server.log");
  const postgres = await launch({ native, data, folder, port, logFile, options, identity });
  const database = options.database ?? "orders";
  const connection = {
    host: "127.0.0.1",
    port,
    user: "postgres",
    password,
    ...clientTls(options, authority.certificate),
  };
  const query = async <T extends pg.QueryResultRow>(sql: string, values?: unknown[], into = database): Promise<T[]> => {
    const client = new pg.Client({ ...connection, database: into });
    await client.connect();
    try {
      const result: unknown = await client.query<T>(sql, values);
      const last = Array.isArray(result) ? (result.at(-1) as pg.QueryResult<T>) : (result as pg.QueryResult<T>);
      return last.rows;
    } finally {
      await client.end();
    }
  };
  await untilReady(() => query("select 1", [], "postgres"), postgres.exited);
  if (database !== "postgres") {
    await query(`create database "${database}"`, undefined, "postgres");
  }
  if (options.initSQL) {
    await query(options.initSQL);
  }
  return {
    host: "127.0.0.1",
    port,
    database,
    superuser: "postgres",
    password,
    ca: authority.certificate,
    caFile,
    logFile,
    serverProcessID: postgres.pid,
    query: (sql, values) => query(sql, values),
    async stop() {
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A loopback port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

type Identity = { readonly uid?: number; readonly gid?: number };

function dropTo(): Identity {
  return process.getuid?.() === 0 ? { uid: unprivilegedID, gid: unprivilegedID } : {};
}

function chown(file: string, identity: Identity): void {
  if (identity.uid !== undefined && identity.gid !== undefined) {
    chownSync(file, identity.uid, identity.gid);
  }
}

function own(file: string, content: string, identity: Identity, mode = 0o600): string {
  writeFileSync(file, content, { mode });
  chown(file, identity);
  return file;
}

function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LANG: "C", TZ: "UTC" };
}

function writeAccessRules(data: string, options: PostgresOptions, identity: Identity): void {
  const type = options.tls === "host" || options.tls === "off" ? "host" : "hostssl";
  const auth = options.auth ?? "scram-sha-256";
  own(path.join(data, "pg_hba.conf"), `${type} all all 127.0.0.1/32 ${auth}\n`, identity);
}

function clientTls(options: PostgresOptions, ca: string): { ssl?: { ca: string } } {
  return options.tls === "off" ? {} : { ssl: { ca } };
}

async function launch(at: {
  native: string;
  data: string;
  folder: string;
  port: number;
  logFile: string;
  options: PostgresOptions;
  identity: Identity;
}): Promise<{ pid: number; exited: Promise<void>; stop: () => Promise<void> }> {
  const settings: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    port: String(at.port),
    unix_socket_directories: at.folder,
    fsync: "off",
    ssl: at.options.tls === "off" ? "off" : "on",
    logging_collector: "off",
    max_connections: "100",
    ...(at.options.auth === "md5" ? { password_encryption: "md5" } : {}),
    ...at.options.settings,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const { openSync, closeSync } = await import("node:fs");
  const log = openSync(at.logFile, "a", 0o600);
  const child = spawn(path.join(at.native, "bin", "postgres"), ["-D", at.data, ...flags], {
    ...at.identity,
    cwd: at.folder,
    env: serverEnvironment(),
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const exited = once(child, "exit").then(() => {});
  const guard = startGuard(at.folder);
  guard.watch([child.pid ?? 0]);
  // SIGQUIT is Postgres's immediate shutdown: it ends every backend, so none outlives a test.
  const quit = (): void => void child.kill("SIGQUIT");
  process.once("exit", quit);
  return {
    pid: child.pid ?? 0,
    exited,
    async stop() {
      process.removeListener("exit", quit);
      quit();
      await exited;
      guard.watch([]);
      await guard.end();
    },
  };
}

/** The server refuses connections until it is up; each try is a real connection, spaced by a short timer. */
async function untilReady(attempt: () => Promise<unknown>, exited: Promise<void>): Promise<void> {
  let over = false;
  void exited.then(() => {
    over = true;
  });
  for (let attempts = 0; attempts < 300; attempts += 1) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (over) {
        throw new Error("Postgres ended while starting", { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("Postgres did not accept connections within 15 s");
}
