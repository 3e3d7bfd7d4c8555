import { readFileSync } from "node:fs";
import { demoSeed, type Seed } from "#sandbox/seed.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";

/** The orders database of the demo organisation, really running. */
export interface OrdersDatabase {
  readonly postgres: TestPostgres;
  readonly passwords: { readonly readOnly: string; readonly appOwner: string };
  /** The organisation whose Secrets Manager and RDS point at this very server. */
  readonly seed: Seed;
}

/** Starts Postgres with the shop's data and two roles with fresh passwords. */
export async function startOrdersDatabase(): Promise<OrdersDatabase> {
  const passwords = { readOnly: freshPassword("ro"), appOwner: freshPassword("ao") };
  const sql = readFileSync(new URL("./organisation.sql", import.meta.url), "utf8")
    .replace("{app_owner}", passwords.appOwner)
    .replace("{read_only}", passwords.readOnly);
  const postgres = await startPostgres({
    database: "orders",
    initSQL: sql,
    settings: { log_statement: "all", log_line_prefix: "%u|%a|" },
  });
  const seed = demoSeed({
    endpoint: { host: postgres.host, port: postgres.port },
    databaseName: "orders",
    readOnlyPassword: passwords.readOnly,
    appOwnerPassword: passwords.appOwner,
  });
  return { postgres, passwords, seed };
}

/** Recognisable, so that a test can look for it everywhere it must not be. */
function freshPassword(prefix: string): string {
  return `${prefix}-${crypto.randomUUID().replaceAll("-", "")}`;
}
