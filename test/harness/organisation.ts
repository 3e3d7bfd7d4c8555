import { readFileSync } from "node:fs";
import { demoSeed, type DemoMySql, type Seed } from "#sandbox/seed.ts";
import type { MySqlOptions, TestMySql } from "./mysql-server.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";

/** What a database's two users log in with. */
interface Passwords {
  readonly readOnly: string;
  readonly appOwner: string;
}

/** The stock database of the demo organisation, in the MySQL family. */
export interface StockDatabase {
  readonly server: TestMySql;
  readonly passwords: Passwords;
}

/** Starts a server of the MySQL family: `startMariaDB` or `startMySQL`. */
export type StartMySql = (options: MySqlOptions) => Promise<TestMySql>;

/** The databases of the demo organisation, really running. */
export interface OrdersDatabase {
  readonly postgres: TestPostgres;
  readonly passwords: Passwords;
  /** Where a second database was asked for. */
  readonly stock?: StockDatabase | undefined;
  /** The organisation whose Secrets Manager and RDS point at this very server. */
  readonly seed: Seed;
}

/** Starts Postgres with the shop's data and two roles with fresh passwords; and with `startMySql`, the warehouse's likewise. */
export async function startOrdersDatabase(startMySql?: StartMySql): Promise<OrdersDatabase> {
  const passwords = freshPasswords();
  const sql = readSQL("organisation.sql", passwords);
  const postgres = await startPostgres({
    database: "orders",
    initSQL: sql,
    settings: { log_statement: "all", log_line_prefix: "%u|%a|" },
  });
  const stock = startMySql === undefined ? undefined : await startStockDatabase(startMySql);
  const orders = {
    endpoint: { host: postgres.host, port: postgres.port },
    databaseName: "orders",
    readOnlyPassword: passwords.readOnly,
    appOwnerPassword: passwords.appOwner,
  };
  const seed = demoSeed(orders, stock === undefined ? undefined : seedOf(stock));
  return { postgres, passwords, stock, seed };
}

async function startStockDatabase(startMySql: StartMySql): Promise<StockDatabase> {
  const passwords = freshPasswords();
  const server = await startMySql({ database: "stock", initSQL: readSQL("stock.sql", passwords), generalLog: true });
  return { server, passwords };
}

function seedOf({ server, passwords }: StockDatabase): DemoMySql {
  const { engine, host, port } = server;
  return {
    engine: engine === "MariaDB" ? "mariadb" : "mysql",
    engineVersion: engine === "MariaDB" ? "10.11" : "8.4",
    endpoint: { host, port },
    databaseName: "stock",
    readOnlyPassword: passwords.readOnly,
    appOwnerPassword: passwords.appOwner,
  };
}

function readSQL(name: string, passwords: Passwords): string {
  return readFileSync(new URL(`./${name}`, import.meta.url), "utf8")
    .replace("{app_owner}", passwords.appOwner)
    .replace("{read_only}", passwords.readOnly);
}

function freshPasswords(): Passwords {
  return { readOnly: freshPassword("ro"), appOwner: freshPassword("ao") };
}

/** Recognisable, so that a test can look for it everywhere it must not be. */
function freshPassword(prefix: string): string {
  return `${prefix}-${crypto.randomUUID().replaceAll("-", "")}`;
}
