import pg from "pg";
import type { StoreAddress } from "../store/postgres/address.ts";
import { clientConfig } from "../store/postgres/connection.ts";
import type { Cursor, CursorStore } from "./cursor.ts";

/** Apart from the records' own schema, which is brought forward and back as a whole. */
const schema = "sallyport_sinks";

const preparation = `
  SELECT pg_advisory_xact_lock(hashtext('${schema}'));
  CREATE SCHEMA IF NOT EXISTS ${schema};
  CREATE TABLE IF NOT EXISTS ${schema}.cursors (
    sink text COLLATE "C" PRIMARY KEY,
    epoch text NOT NULL,
    position bigint NOT NULL,
    cursor jsonb NOT NULL
  );
`;

/**
 * Cursors in the Postgres that holds the records of all replicas. A cursor never goes back: a replica that led before, and does not know yet
 * that it does no more, cannot take back what the new leader's destinations have confirmed.
 */
export class PostgresCursors implements CursorStore {
  readonly #pool: pg.Pool;
  #isPrepared = false;

  constructor(address: StoreAddress) {
    const plain = { ...address, password: address.password?.reveal() };
    this.#pool = new pg.Pool({ ...clientConfig(plain, "sallyport-sinks"), max: 1 });
    // A connection that is lost while nobody uses it is made again when somebody does.
    this.#pool.on("error", () => {});
  }

  async read(sink: string): Promise<Cursor | undefined> {
    await this.#prepare();
    const { rows } = await this.#pool.query<{ cursor: Cursor }>(
      `SELECT cursor FROM ${schema}.cursors WHERE sink = $1`,
      [sink],
    );
    return rows[0]?.cursor;
  }

  /** Rejects where another replica is further already. */
  async write(sink: string, cursor: Cursor): Promise<void> {
    await this.#prepare();
    const { rowCount } = await this.#pool.query(
      `INSERT INTO ${schema}.cursors AS known (sink, epoch, position, cursor) VALUES ($1, $2, $3, $4)
       ON CONFLICT (sink) DO UPDATE SET epoch = excluded.epoch, position = excluded.position, cursor = excluded.cursor
       WHERE known.epoch <> excluded.epoch OR known.position <= excluded.position`,
      [sink, cursor.epoch, cursor.position, JSON.stringify(cursor)],
    );
    if (rowCount !== 1) {
      throw new Error("another replica delivers to this sink and is further");
    }
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
