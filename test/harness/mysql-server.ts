import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { createDatabaseIdentity } from "./database-identity.ts";
import { startGuard } from "./guard.ts";
import { freePort } from "./postgres.ts";

/** The account that a root process drops to: `nobody` on every Linux. The server refuses to run as root. */
const unprivilegedID = 65_534;

/** How a test wants its MySQL or MariaDB server. */
export interface MySqlOptions {
  /** Database to create; `orders` by default. */
  readonly database?: string;
  /** SQL run in that database once it is up, in one batch of statements. */
  readonly initSQL?: string;
  /** Further options of the server, without the dashes, as in its option file. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Writes every statement that it is sent to `generalLogFile`. */
  readonly generalLog?: boolean;
  /** `off` has no TLS at all; `on` by default. */
  readonly tls?: "on" | "off";
  /** 0 by default: a free one. */
  readonly port?: number;
}

/** A running MySQL or MariaDB with TLS of its own authority, on a loopback port. */
export interface TestMySql {
  readonly engine: "MySQL" | "MariaDB";
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly database: string;
  /** May do everything, from this machine. */
  readonly superuser: "admin";
  readonly password: string;
  /** The authority that signed the server's certificate, PEM, and the same in a file. */
  readonly ca: string;
  readonly caFile: string;
  /** The server's own messages. */
  readonly logFile: string;
  readonly generalLogFile: string;
  readonly serverProcessID: number;
  /** Runs SQL as the superuser, on a connection of its own; of several statements, the last one's rows. */
  query<T extends Record<string, unknown> = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<T[]>;
  /** Stops the server at once and removes its files. */
  stop(): Promise<void>;
}

/** What makes MySQL and MariaDB differ in being started. */
export interface MySqlPrograms {
  readonly engine: "MySQL" | "MariaDB";
  readonly server: string;
  /** Options that each start of the server needs to find its own files. */
  readonly options: readonly string[];
  /** Makes an empty data folder. */
  install(data: string, identity: Identity): Promise<void>;
}

/** Which account runs the server; empty for one's own. */
export type Identity = { readonly uid?: number; readonly gid?: number };

/** Environment of the server's programs: nothing of ours. */
export const serverEnvironment: NodeJS.ProcessEnv = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C", TZ: "UTC" };

/** Starts a fresh server: data folder, certificates, superuser, database, `initSQL`. Three to ten seconds. */
export async function startServer(programs: MySqlPrograms, options: MySqlOptions): Promise<TestMySql> {
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-my-"));
  const identity = process.getuid?.() === 0 ? { uid: unprivilegedID, gid: unprivilegedID } : {};
  const data = path.join(folder, "data");
  mkdirSync(data, { mode: 0o700 });
  give(folder, identity);
  give(data, identity);
  await programs.install(data, identity);
  const password = `super-${Math.random().toString(36).slice(2)}`;
  const own = (name: string, content: string, mode = 0o600): string => {
    const file = path.join(folder, name);
    writeFileSync(file, content, { mode });
    give(file, identity);
    return file;
  };
  const { ca, settings } = await tlsSettings(options, own);
  const caFile = own("ca.pem", ca, 0o644);
  const initFile = own(
    "init.sql",
    `create user admin@'%' identified by '${password}';\ngrant all on *.* to admin@'%' with grant option;\n`,
  );
  const port = options.port ? options.port : await freePort();
  const logFile = own("server.log", "");
  const generalLogFile = path.join(folder, "general.log");
  const server = await launch(programs, identity, logFile, {
    datadir: data,
    // A server that starts removes the temporary tables that it finds, those of another one too.
    tmpdir: folder,
    port: String(port),
    "bind-address": "127.0.0.1",
    socket: path.join(folder, "server.sock"),
    "pid-file": path.join(folder, "server.pid"),
    "init-file": initFile,
    "general-log": options.generalLog === true ? "1" : "0",
    "general-log-file": generalLogFile,
    "skip-name-resolve": "1",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-buffer-pool-size": "32M",
    ...settings,
    ...options.settings,
  });
  const database = options.database ?? "orders";
  const ssl = options.tls === "off" ? {} : { ssl: { ca } };
  const query = async <T>(sql: string, values: unknown[] = [], into: string | undefined = database): Promise<T[]> => {
    const client = await createConnection({
      host: "127.0.0.1",
      port,
      user: "admin",
      password,
      multipleStatements: true,
      ...(into === undefined ? {} : { database: into }),
      ...ssl,
    });
    try {
      const [rows] = await client.query<RowDataPacket[]>(sql, values);
      return (Array.isArray(rows[0]) ? rows.at(-1) : rows) as T[];
    } finally {
      client.destroy();
    }
  };
  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(() => query("select 1", [], ""), server.exited, logFile);
    await query(`create database if not exists \`${database}\``, [], "");
    if (options.initSQL !== undefined) {
      await query(options.initSQL);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    engine: programs.engine,
    host: "127.0.0.1",
    port,
    database,
    superuser: "admin",
    password,
    ca,
    caFile,
    logFile,
    generalLogFile,
    serverProcessID: server.pid,
    query: (sql, values) => query(sql, values),
    stop,
  };
}

function give(file: string, identity: Identity): void {
  if (identity.uid !== undefined && identity.gid !== undefined) {
    chownSync(file, identity.uid, identity.gid);
  }
}

async function tlsSettings(
  options: MySqlOptions,
  own: (name: string, content: string) => string,
): Promise<{ ca: string; settings: Record<string, string> }> {
  const { ca, certificate, privateKey } = await createDatabaseIdentity();
  if (options.tls === "off") {
    return { ca, settings: { "skip-ssl": "1" } };
  }
  return {
    ca,
    settings: {
      "ssl-cert": own("server.crt", certificate),
      "ssl-key": own("server.key", privateKey),
      "ssl-ca": own("server-ca.pem", ca),
    },
  };
}

async function launch(
  programs: MySqlPrograms,
  identity: Identity,
  logFile: string,
  settings: Readonly<Record<string, string>>,
): Promise<{ pid: number; exited: Promise<void>; stop: () => Promise<void> }> {
  const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  const log = openSync(logFile, "a", 0o600);
  const child = spawn(programs.server, ["--no-defaults", ...programs.options, ...flags], {
    ...identity,
    cwd: path.dirname(logFile),
    env: serverEnvironment,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const exited = once(child, "exit").then(() => {});
  const guard = startGuard(path.dirname(logFile));
  guard.watch([child.pid ?? 0]);
  // Nothing of it is needed afterwards, so it need not shut down in order.
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  return {
    pid: child.pid ?? 0,
    exited,
    async stop() {
      process.removeListener("exit", kill);
      kill();
      await exited;
      guard.watch([]);
      await guard.end();
    },
  };
}

/** The server refuses connections until it is up; each try is a real connection, spaced by a short timer. */
async function untilReady(attempt: () => Promise<unknown>, exited: Promise<void>, logFile: string): Promise<void> {
  let over = false;
  void exited.then(() => {
    over = true;
  });
  let last: unknown;
  for (let attempts = 0; attempts < 600; attempts += 1) {
    try {
      await attempt();
      return;
    } catch (error) {
      last = error;
      if (over) {
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const words = readFileSync(logFile, "utf8").slice(-2_000);
  throw new Error(`the server did not accept connections within 30 s\n${words}`, { cause: last });
}
