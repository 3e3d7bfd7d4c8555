import pg from "pg";
import type { IngestResult } from "../types.ts";
import { Ingestor, lockWriter, StoreFenced } from "./ingest.ts";
import { migrate, schemaName } from "./schema.ts";
import { makeWeeks, weekOf } from "./weeks.ts";

/**
 * The one connection that writes. Calls are carried out one after the other. After any failure the connection is given up and the next
 * call makes a new one: whether a batch was stored that failed while it was confirmed is found out when it is shipped again.
 */
export class StoreWriter {
  readonly #config: pg.ClientConfig;
  #client: pg.Client | undefined;
  #ingestor: Ingestor | undefined;
  #epoch: number | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: pg.ClientConfig) {
    this.#config = config;
  }

  /** See `PostgresEngine.claim`. */
  claim(holder: string): Promise<void> {
    return this.#serially(async () => {
      // Ours when it is committed, and not before: an epoch that came to nothing is the next process's.
      const epoch = await this.#transaction(async (client) => {
        const run = async (sql: string) => (await client.query<Record<string, unknown>>(sql)).rows;
        // The search path of the connection names a schema that may not be there before this.
        await migrate(run);
        await makeWeeks(run, weekOf(Date.now()));
        const { rows } = await client.query<{ epoch: number }>(
          `UPDATE ${schemaName}.writer SET epoch = epoch + 1, holder = $1 RETURNING epoch`,
          [holder],
        );
        return rows[0]?.epoch;
      });
      this.#epoch = epoch;
      this.#ingestor = epoch === undefined ? undefined : new Ingestor(epoch);
    });
  }

  /** See `StoreEngine.ingest`. Rejects with `StoreFenced` where another process has claimed the store. */
  ingest(proxy: string, task: string, records: readonly Uint8Array[], received: number): Promise<IngestResult> {
    return this.#serially(async () => {
      const ingestor = this.#claimed();
      try {
        return await this.#transaction((client) => ingestor.ingest(client, proxy, task, records, received));
      } catch (error) {
        ingestor.forget();
        throw error;
      }
    });
  }

  /** See `PostgresEngine.appendHead`. */
  appendHead(line: number, signed: string): Promise<void> {
    return this.#serially(() => {
      this.#claimed();
      return this.#transaction(async (client) => {
        await lockWriter(client, this.#epoch);
        const found = await client.query<{ line: number; signed: string }>(
          "SELECT line, signed FROM head_lines ORDER BY line DESC LIMIT 1",
        );
        const last = found.rows[0];
        // The answer to the same line was lost.
        if (last?.line === line && last.signed === signed) {
          return;
        }
        if ((last?.line ?? 0) + 1 !== line) {
          throw new Error(`head line ${line} does not follow line ${last?.line ?? 0}`);
        }
        await client.query("INSERT INTO head_lines (line, signed) VALUES ($1, $2)", [line, signed]);
      });
    });
  }

  /** Drops the tables of weeks whose records are all at or before a position. */
  remove(upTo: number): Promise<void> {
    return this.#serially(() => {
      this.#claimed();
      return this.#transaction(async (client) => {
        await lockWriter(client, this.#epoch);
        const { rows } = await client.query<{ week: number }>(
          `SELECT week FROM (SELECT week, lead(first_seq) OVER (ORDER BY week) AS next FROM weeks) AS w
           WHERE coalesce(next, (SELECT store_seq + 1 FROM writer)) <= $1::bigint + 1 ORDER BY week`,
          [upTo],
        );
        for (const { week } of rows) {
          await client.query(`DROP TABLE IF EXISTS records_w${week}; DROP TABLE IF EXISTS statements_w${week}`);
        }
        const weeks = rows.map(({ week }) => week);
        await client.query("DELETE FROM texts WHERE week = ANY($1)", [weeks]);
        await client.query("DELETE FROM events WHERE week = ANY($1)", [weeks]);
        await client.query("DELETE FROM sessions WHERE close_time IS NOT NULL AND last_week = ANY($1)", [weeks]);
        await client.query("DELETE FROM weeks WHERE week = ANY($1)", [weeks]);
      });
    });
  }

  async close(): Promise<void> {
    await this.#last.catch(() => {});
    await this.#client?.end().catch(() => {});
  }

  #claimed(): Ingestor {
    if (this.#ingestor === undefined) {
      throw new StoreFenced();
    }
    return this.#ingestor;
  }

  #serially<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work);
    this.#last = done.catch(() => {});
    return done;
  }

  async #transaction<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = this.#client ?? (await this.#connect());
    try {
      await client.query("BEGIN");
      const result = await work(client);
      await client.query("COMMIT");
      return result;
    } catch (error) {
      this.#client = undefined;
      await client.end().catch(() => {});
      throw error;
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#config);
    client.on("error", () => {
      this.#client = this.#client === client ? undefined : this.#client;
    });
    await client.connect();
    this.#client = client;
    return client;
  }
}
