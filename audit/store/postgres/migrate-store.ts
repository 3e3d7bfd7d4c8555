import pg from "pg";
import { coerceError, UserError } from "#lib/errors.ts";
import type { StoreAddress } from "./address.ts";
import { clientConfig } from "./connection.ts";
import { migrate, migrations, schemaName } from "./schema.ts";

/** Brings a store in Postgres to schema `to`, in one transaction, and answers which it had. Throws `UserError` for a newer release's, and one that cannot be reached. */
export async function migratePostgres(address: StoreAddress, to: number): Promise<number> {
  const config = clientConfig({ ...address, password: address.password?.reveal() }, "sallyport-audit-migrate");
  const client = await connectStore(config);
  try {
    await client.query("BEGIN");
    const { rows: found } = await client.query<{ name: string | null }>(
      `SELECT to_regclass('${schemaName}.version')::text AS name`,
    );
    const { rows } =
      found[0]?.name === null
        ? { rows: [] }
        : await client.query<{ version: number }>(`SELECT version FROM ${schemaName}.version`);
    await migrate(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows, migrations, to);
    await client.query("COMMIT");
    return rows[0]?.version ?? 0;
  } finally {
    await client.end();
  }
}

/** Connects to a store for a command. Throws a `UserError` where it cannot be reached. */
export async function connectStore(config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(config);
  // What waits for an answer hears of a lost connection itself.
  client.on("error", () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    throw new UserError("AuditStoreUnreachable", `the audit store at ${config.host}:${config.port} cannot be reached`, {
      why: coerceError(error).message,
      next: "Check the address, the network, and the authorities in sslrootcert.",
      cause: error,
    });
  }
}
