import type pg from "pg";
import { UserError } from "#lib/errors.ts";
import type { StoreAddress } from "../postgres/address.ts";
import { clientConfig } from "../postgres/connection.ts";
import { connectStore } from "../postgres/migrate-store.ts";
import { migrate, migrations, schemaName } from "../postgres/schema.ts";
import { makeWeeks, weekOf } from "../postgres/weeks.ts";
import { type MovedTable, numberedTables, otherTables, recordsTable, type Row } from "./tables.ts";
import { WeekStarts } from "./week-starts.ts";

/** Where the trail grows until it is whole: no controller looks there. */
const stagingName = "sallyport_audit_moving";
/** How long another move on the same database is waited for: one that was killed is gone in less. */
const lockTimeout = "10s";
/** PostgreSQL documentation, appendix A. */
const lockNotAvailable = "55P03";

/** What a database holds of a trail already. */
export type Found = "nothing" | "a trail";

/**
 * A store in Postgres that is being made. It is put together in a schema of its own, a part at a time, each in one transaction, and gets
 * the store's name when it is whole and proven: a controller sees all of it or nothing, and a move that was cut off goes on.
 */
export class MoveStaging {
  readonly #client: pg.Client;
  #weeks = new WeekStarts();

  /** Connects, and keeps other moves away until `close`. Throws a `UserError` where there is no way, or another move. */
  static async connect(address: StoreAddress): Promise<MoveStaging> {
    const plain = { ...address, password: address.password?.reveal() };
    const client = await connectStore(clientConfig(plain, "sallyport-audit-move"));
    try {
      await client.query(`SET search_path TO ${stagingName}`);
      await client.query(`SET lock_timeout = '${lockTimeout}'`);
      await client.query(`SELECT pg_advisory_lock(hashtext('${stagingName}'))`);
      return new MoveStaging(client);
    } catch (error) {
      await client.end();
      throw (error as { readonly code?: unknown }).code === lockNotAvailable ? inUse(error) : error;
    }
  }

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  /** Whether the store is there under its own name. */
  async found(): Promise<Found> {
    const [row] = await this.#rows(`SELECT to_regnamespace('${schemaName}')::text AS name`);
    return row?.["name"] === null ? "nothing" : "a trail";
  }

  /** Whether the store under its own name holds the record at a position, with these bytes, and that last head line. */
  async holds(last: Row | undefined, heads: readonly string[]): Promise<boolean> {
    const [version] = await this.#rows(`SELECT to_regclass('${schemaName}.head_lines')::text AS name`);
    if (version?.["name"] === null) {
      return false;
    }
    const [row] = await this.#rows(
      `SELECT (SELECT bytes FROM ${schemaName}.records WHERE store_seq = $1) AS bytes,
         (SELECT signed FROM ${schemaName}.head_lines WHERE line = $2) AS signed`,
      [last?.["store_seq"] ?? 0, heads.length],
    );
    const bytes = row?.["bytes"];
    // Retention may have removed all records.
    const isSame =
      last === undefined ? heads.length > 0 : Buffer.isBuffer(bytes) && bytes.equals(last["bytes"] as Uint8Array);
    return isSame && (row?.["signed"] ?? undefined) === heads.at(-1);
  }

  /** Goes on where an earlier move of the same trail stopped, or begins. Answers whether it goes on. */
  async begin(fingerprint: string): Promise<boolean> {
    const source = JSON.stringify({ fingerprint, schema: migrations.length });
    const [there] = await this.#rows(`SELECT to_regclass('${stagingName}.moving')::text AS name`);
    const [row] = there?.["name"] === null ? [] : await this.#rows("SELECT source FROM moving");
    if (row?.["source"] === source) {
      await this.#readWeeks();
      return true;
    }
    await this.#transaction(async () => {
      await this.#rows(`DROP SCHEMA IF EXISTS ${stagingName} CASCADE`);
      await migrate((sql) => this.#rows(sql), migrations, migrations.length, stagingName);
      await this.#rows("CREATE TABLE moving (source text NOT NULL)");
      await this.#rows("INSERT INTO moving (source) VALUES ($1)", [source]);
    });
    this.#weeks = new WeekStarts();
    return false;
  }

  /** Key of the last row of a table that is there; of one that comes before all rows where there is none. */
  async lastKey({ name, key }: MovedTable): Promise<number[]> {
    const order = key.map((column) => `${column} DESC`).join(", ");
    const [row] = await this.#rows(`SELECT ${key.join(", ")} FROM ${name} ORDER BY ${order} LIMIT 1`);
    return key.map((column) => Number(row?.[column] ?? -1));
  }

  /** Adds rows as SQLite gave them, all or none. */
  async add(table: MovedTable, rows: readonly Row[]): Promise<void> {
    await this.#transaction(async () => {
      // What a crash of the server takes back is moved again: the last step waits for the device.
      await this.#rows("SET LOCAL synchronous_commit = off");
      if (table === recordsTable) {
        await this.#addWeeks(rows);
      }
      const names = table.columns.map(({ name }) => name).join(", ");
      const types = table.columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(", ");
      await this.#rows(
        `INSERT INTO ${table.name} (${names}) OVERRIDING SYSTEM VALUE SELECT * FROM unnest(${types})`,
        table.columns.map((column) => rows.map((row) => asParameter(column.of(row, this.#weeks)))),
      );
    });
  }

  /** What the columns of a row of SQLite's are to be here. */
  valuesOf(table: MovedTable, row: Row): unknown[] {
    return table.columns.map((column) => column.of(row, this.#weeks));
  }

  /** The next rows of a table after a key, in the order of their keys. */
  rows(table: MovedTable, after: readonly number[], limit: number): Promise<Row[]> {
    const keys = table.key.join(", ");
    const marks = table.key.map((_, index) => `$${index + 1}`).join(", ");
    const names = table.columns.map(({ name }) => name).join(", ");
    return this.#rows(
      `SELECT ${names} FROM ${table.name} WHERE (${keys}) > (${marks}) ORDER BY ${keys} LIMIT $${table.key.length + 1}`,
      [...after, limit],
    );
  }

  /** The lines of the head log, in the place of whatever was there. */
  async setHeads(lines: readonly string[]): Promise<void> {
    await this.#transaction(async () => {
      await this.#rows("DELETE FROM head_lines");
      await this.#rows(
        "INSERT INTO head_lines (line, signed) SELECT n, signed FROM unnest($1::text[]) WITH ORDINALITY AS u (signed, n)",
        [lines],
      );
    });
  }

  /** The lines of the head log that are here. */
  async heads(): Promise<string[]> {
    return (await this.#rows("SELECT signed FROM head_lines ORDER BY line")).map((row) => String(row["signed"]));
  }

  /** Makes it the store: numbers go on where they ended, and the name changes. From then on controllers see it. */
  async finish(newest: number): Promise<void> {
    // Searches are planned by what is known of the tables, and nobody has looked at these yet.
    for (const { name } of [recordsTable, ...otherTables]) {
      await this.#rows(`ANALYZE ${name}`);
    }
    await this.#transaction(async () => {
      for (const table of numberedTables) {
        await this.#rows(
          `SELECT setval(pg_get_serial_sequence('${stagingName}.${table}', 'id'), max(id)) FROM ${table} HAVING max(id) > 0`,
        );
      }
      await this.#rows("UPDATE writer SET store_seq = $1", [newest]);
      await this.#rows("DROP TABLE moving");
      await this.#rows(`ALTER SCHEMA ${stagingName} RENAME TO ${schemaName}`);
    });
  }

  async close(): Promise<void> {
    await this.#client.end();
  }

  async #addWeeks(rows: readonly Row[]): Promise<void> {
    for (const { received, store_seq: position } of rows) {
      const week = Math.max(weekOf(Number(received)), this.#weeks.newest ?? 0);
      if (week !== this.#weeks.newest) {
        await this.#rows("INSERT INTO weeks (week, first_seq) VALUES ($1, $2)", [week, position]);
        await makeWeeks((sql) => this.#rows(sql), week);
        this.#weeks.add(week, Number(position));
      }
    }
  }

  async #readWeeks(): Promise<void> {
    this.#weeks = new WeekStarts();
    for (const row of await this.#rows("SELECT week, first_seq FROM weeks ORDER BY week")) {
      this.#weeks.add(Number(row["week"]), Number(row["first_seq"]));
    }
  }

  async #rows(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.#client.query<Record<string, unknown>>(sql, [...values])).rows;
  }

  async #transaction(work: () => Promise<void>): Promise<void> {
    await this.#rows("BEGIN");
    try {
      await work();
      await this.#rows("COMMIT");
    } catch (error) {
      await this.#rows("ROLLBACK").catch(() => {});
      throw error;
    }
  }
}

function asParameter(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
}

function inUse(cause: unknown): UserError {
  return new UserError("AuditStoreInUse", "another move to this database is under way", {
    why: "Two would write into each other's rows.",
    next: "Wait until it has ended, or end it, and run this again: it goes on where it stopped.",
    cause,
  });
}
