import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { startMariaDB } from "#test/harness/mariadb.ts";
import { makeFolder, writeOwned } from "./folder.ts";
import { findProgram } from "./programs.ts";
import { selfSigned } from "./self-signed.ts";
import { type StatementMode, sysbenchArguments, type SysbenchTarget } from "./sysbench.ts";

/** Login of every client. */
const role = { username: "read_only", password: "correct-horse-battery" } as const;

/** A MariaDB with sysbench's table. */
export interface BenchMySQL {
  readonly target: SysbenchTarget;
  readonly caFile: string;
  /** Where sysbench runs: it finds its certificate there. */
  readonly directory: string;
  /** Statements executed so far, of that mode. */
  count(mode: StatementMode): Promise<number>;
  stop(): Promise<void>;
}

/** Counters of the server (MariaDB documentation, Server Status Variables). */
const counters: Readonly<Record<StatementMode, string>> = { text: "Com_select", prepared: "Com_stmt_execute" };

/** Starts it, with TLS of a certificate that sysbench shows as well. Some seconds. */
export async function startBenchMySQL(): Promise<BenchMySQL> {
  const folder = makeFolder("mysql");
  const { certificate, privateKey } = await selfSigned();
  const own = (name: string, content: string): string => writeOwned(path.join(folder, name), content);
  const caFile = own("ca.pem", certificate);
  const database = await startMariaDB({
    tls: "off",
    initSQL:
      `create user ${role.username}@'%' identified by '${role.password}';` +
      `grant select on orders.* to ${role.username}@'%';`,
    settings: {
      "ssl-ca": caFile,
      "ssl-cert": caFile,
      "ssl-key": own("key.pem", privateKey),
      "max-connections": "2000",
      "back-log": "1000",
    },
  });
  const directory = makeFolder("sysbench");
  for (const [name, content] of [
    ["cacert.pem", certificate],
    ["client-cert.pem", certificate],
    ["client-key.pem", privateKey],
  ] as const) {
    writeFileSync(path.join(directory, name), content);
  }
  const admin = { port: database.port, user: "admin", password: database.password, database: database.database };
  await promisify(execFile)(findProgram("sysbench"), [...sysbenchArguments(admin), "prepare"]);
  const { host, port } = database;
  const watch = await createConnection({ host, port, user: admin.user, password: admin.password });
  return {
    target: { port, user: role.username, password: role.password, database: database.database },
    caFile,
    directory,
    async count(mode) {
      const [rows] = await watch.query<RowDataPacket[]>(`show global status like '${counters[mode]}'`);
      return Number(rows[0]?.["Value"]);
    },
    async stop() {
      watch.destroy();
      await database.stop();
    },
  };
}
