import pg from "pg";
import type { StoreAddress } from "#audit/store/postgres/address.ts";
import { clientConfig } from "#audit/store/postgres/connection.ts";
import type { Pages } from "./book.ts";

const schema = "sallyport_slack";

const preparation = `
  SELECT pg_advisory_xact_lock(hashtext('${schema}'));
  CREATE SCHEMA IF NOT EXISTS ${schema};
  CREATE TABLE IF NOT EXISTS ${schema}.pages (name text COLLATE "C" PRIMARY KEY, value jsonb NOT NULL);
`;

/** Pages in the Postgres that all replicas share: who leads next knows what the one before knew. */
export class PostgresPages implements Pages {
  readonly #pool: pg.Pool;
  #isPrepared = false;

  constructor(address: StoreAddress) {
    const plain = { ...address, password: address.password?.reveal() };
    this.#pool = new pg.Pool({ ...clientConfig(plain, "sallyport-slack"), max: 2 });
    // A connection that is lost while nobody uses it is made again when somebody does.
    this.#pool.on("error", () => {});
  }

  async read(name: string): Promise<unknown> {
    await this.#prepare();
    const { rows } = await this.#pool.query<{ value: unknown }>(`SELECT value FROM ${schema}.pages WHERE name = $1`, [
      name,
    ]);
    return rows[0]?.value;
  }

  async list(prefix: string): Promise<readonly (readonly [name: string, value: unknown])[]> {
    await this.#prepare();
    const { rows } = await this.#pool.query<{ name: string; value: unknown }>(
      `SELECT name, value FROM ${schema}.pages WHERE starts_with(name, $1)`,
      [prefix],
    );
    return rows.map(({ name, value }) => [name, value] as const);
  }

  async write(name: string, value: unknown): Promise<void> {
    await this.#prepare();
    await (value === undefined
      ? this.#pool.query(`DELETE FROM ${schema}.pages WHERE name = $1`, [name])
      : this.#pool.query(
          `INSERT INTO ${schema}.pages (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
          [name, JSON.stringify(value)],
        ));
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #prepare(): Promise<void> {
    if (!this.#isPrepared) {
      // One message of several statements is one transaction.
      await this.#pool.query(preparation);
      this.#isPrepared = true;
    }
  }
}
