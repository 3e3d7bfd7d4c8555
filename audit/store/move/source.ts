import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { UserError } from "#lib/errors.ts";
import { readHeadLines } from "../../head-place.ts";
import { parseHead } from "../../head-line.ts";
import { trailPaths } from "../../trail-directory.ts";
import { newestPosition } from "../ingest.ts";
import { openKeptFile } from "../kept-file.ts";
import { assertKnownSchema, migrations } from "../schema.ts";
import type { MovedTable, Row } from "./tables.ts";

/** A store in SQLite that nobody writes, and its head log. Nothing of it is changed. */
export class MoveSource {
  readonly #database: DatabaseSync;
  /** All lines of the head log. */
  readonly heads: readonly string[];

  /** Opens what a state directory holds. Throws a `UserError` for a store of another release, and for a head log with holes. */
  static async open(state: string): Promise<MoveSource> {
    const paths = trailPaths(state);
    const heads: string[] = [];
    for await (const line of readHeadLines(paths.heads)) {
      heads.push(line);
    }
    // The shared log goes on by numbers: with a hole in it, nothing could be signed there any more.
    const hole = heads.findIndex((line, index) => parseHead(line)?.line !== index + 1);
    if (hole !== -1) {
      throw new UserError("HeadLogDamaged", `the head log of ${state} is damaged at line ${hole + 1}`, {
        why: "A shared head log can only be continued where each line follows the one before it.",
        next: "Keep the directory as evidence, see `sallyport audit verify --state`, and begin an empty store.",
      });
    }
    const database = openKeptFile(paths.store);
    try {
      const version = assertKnownSchema(database);
      if (version < migrations.length) {
        throw new UserError("AuditStoreTooOld", `the audit store of ${state} was written by an older release`, {
          why: `It has schema ${version}; this release moves schema ${migrations.length}.`,
          next: `sallyport audit migrate --state ${state} --to ${migrations.length}`,
        });
      }
      return new MoveSource(database, heads);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  private constructor(database: DatabaseSync, heads: readonly string[]) {
    this.#database = database;
    this.heads = heads;
  }

  /** Position of the newest record, removed ones included. */
  get newest(): number {
    return newestPosition(this.#database);
  }

  /** What tells this state of the trail from every other: a controller that ran since has changed it. */
  get fingerprint(): string {
    const [row] = this.#all("SELECT min(store_seq) AS first, count(*) AS count FROM records");
    const heads = createHash("sha256").update(this.heads.join("\n")).digest("hex");
    const { first, count } = row ?? {};
    return JSON.stringify({ version: 1, newest: this.newest, first, count, heads });
  }

  /** The next rows of a table after a key, in the order of their keys. */
  rows({ from, key }: MovedTable, after: readonly number[], limit: number): Row[] {
    const keys = key.join(", ");
    const marks = key.map(() => "?").join(", ");
    return this.#all(`SELECT * FROM ${from} WHERE (${keys}) > (${marks}) ORDER BY ${keys} LIMIT ?`, ...after, limit);
  }

  close(): void {
    this.#database.close();
  }

  #all(sql: string, ...values: readonly number[]): Row[] {
    return this.#database.prepare(sql).all(...values);
  }
}
