import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { isKind } from "#kinds/index.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import { unusable } from "./lock.ts";
import type { ObjectRow, State, StateChanges, TombstoneRow } from "./state.ts";

/** Version of the tables below, in `PRAGMA user_version`. */
const schemaVersion = 1;

const tables = `
  CREATE TABLE object (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    digest TEXT NOT NULL, origin TEXT NOT NULL, object TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE tombstone (
    namespace TEXT NOT NULL, name TEXT NOT NULL, spec_digest TEXT NOT NULL,
    uid TEXT NOT NULL, not_after_time TEXT NOT NULL,
    PRIMARY KEY (namespace, name, spec_digest)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE mark (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${schemaVersion};`;

/** The state database inside a state directory. */
export function stateFile(directory: string): string {
  return join(directory, "state.db");
}

/** Whether no controller ever started on this state directory. Changes nothing. */
export function isBlankState(directory: string): boolean {
  const file = stateFile(directory);
  if (!existsSync(file)) {
    return true;
  }
  const db = open(directory, { readOnly: true });
  try {
    const hasTables = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'mark'").get() !== undefined;
    return !hasTables || db.prepare("SELECT 1 FROM mark WHERE name = 'started'").get() === undefined;
  } catch (thrown) {
    throw damaged(directory, thrown);
  } finally {
    db.close();
  }
}

/**
 * Opens the state of a directory, whose lock the caller holds. WAL with `synchronous = FULL`: a committed write survives
 * the loss of the process and of power.
 * @throws {UserError} `StateUnusable`, or `StateTooNew` where a later version of this program wrote it
 */
export function openState(directory: string): State {
  const db = open(directory, {});
  try {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
    const version = Number(Object.values(db.prepare("PRAGMA user_version").get() ?? {})[0]);
    if (version > schemaVersion) {
      throw new UserError("StateTooNew", `The state in ${directory} was written by a newer version of sallyport.`, {
        next: "Start the version that wrote it, or a newer one.",
      });
    }
    if (version === 0) {
      transaction(db, () => db.exec(tables));
    }
    return new SqliteState(db, directory);
  } catch (thrown) {
    db.close();
    throw thrown instanceof UserError ? thrown : damaged(directory, thrown);
  }
}

/**
 * An object as it was written, or an error that says what is not. Only what every reader relies on is looked at: without it the
 * first one would fail later, in the middle of something.
 */
function readObject(text: string): ObjectRow["object"] {
  const object = JSON.parse(text) as Partial<ObjectRow["object"]> | null;
  const { kind, metadata, spec } = object ?? {};
  const { uid, name, namespace } = metadata ?? {};
  const isWhole = [uid, name, namespace].every((part) => typeof part === "string") && typeof spec === "object";
  if (!isKind(kind) || !isWhole) {
    throw new Error(`it holds an object that is none: ${text.slice(0, 80)}`);
  }
  return object as ObjectRow["object"];
}

/** SQLITE_CORRUPT (11) and SQLITE_NOTADB (26), or text that is not what was written; anything else is about the disk. */
function damaged(directory: string, thrown: unknown): UserError {
  const code = thrown instanceof Error && "errcode" in thrown ? Number(thrown.errcode) & 0xff : 11;
  return code !== 11 && code !== 26
    ? unusable(directory, thrown)
    : new UserError("StateUnusable", `The state in ${directory} is damaged.`, {
        why: `${coerceError(thrown).message}.`,
        next: "Put back a backup of the directory, or move it away: what is live in AWS is then read back from the tags of its permission sets.",
        cause: thrown,
      });
}

function open(directory: string, options: { readonly readOnly?: boolean }): DatabaseSync {
  try {
    return new DatabaseSync(stateFile(directory), { timeout: 5_000, ...options });
  } catch (thrown) {
    throw unusable(directory, thrown);
  }
}

function transaction(db: DatabaseSync, act: () => void): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    act();
    db.exec("COMMIT");
  } catch (thrown) {
    if (db.isTransaction) {
      db.exec("ROLLBACK");
    }
    throw thrown;
  }
}

class SqliteState implements State {
  readonly #db: DatabaseSync;
  readonly #directory: string;
  readonly #put;
  readonly #remove;

  constructor(db: DatabaseSync, directory: string) {
    this.#db = db;
    this.#directory = directory;
    this.#put = db.prepare(
      `INSERT INTO object (kind, namespace, name, digest, origin, object) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET digest = excluded.digest, origin = excluded.origin, object = excluded.object`,
    );
    this.#remove = db.prepare("DELETE FROM object WHERE kind = ? AND namespace = ? AND name = ?");
  }

  load(): { readonly objects: readonly ObjectRow[]; readonly tombstones: readonly TombstoneRow[] } {
    try {
      return this.#load();
    } catch (thrown) {
      throw damaged(this.#directory, thrown);
    }
  }

  #load(): ReturnType<State["load"]> {
    const objects = this.#db.prepare("SELECT digest, origin, object FROM object ORDER BY kind, namespace, name").all();
    const tombstones = this.#db.prepare("SELECT * FROM tombstone").all();
    return {
      objects: objects.map((row) => ({
        object: readObject(String(row["object"])),
        digest: String(row["digest"]),
        origin: JSON.parse(String(row["origin"])) as ObjectRow["origin"],
      })),
      tombstones: tombstones.map((row) => ({
        namespace: String(row["namespace"]),
        name: String(row["name"]),
        uid: String(row["uid"]),
        specDigest: String(row["spec_digest"]),
        notAfterTime: String(row["not_after_time"]),
      })),
    };
  }

  write({ put = [], remove = [] }: StateChanges): void {
    transaction(this.#db, () => {
      for (const { kind, namespace, name } of remove) {
        this.#remove.run(kind, namespace, name);
      }
      for (const { object, digest, origin } of put) {
        const { namespace, name } = object.metadata;
        this.#put.run(object.kind, namespace, name, digest, JSON.stringify(origin), JSON.stringify(object));
      }
    });
  }

  putTombstone({ namespace, name, specDigest, uid, notAfterTime }: TombstoneRow): void {
    this.#run(
      `INSERT INTO tombstone (namespace, name, spec_digest, uid, not_after_time) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET uid = excluded.uid, not_after_time = excluded.not_after_time`,
      [namespace, name, specDigest, uid, notAfterTime],
    );
  }

  dropTombstone({ namespace, name, specDigest }: TombstoneRow): void {
    this.#run("DELETE FROM tombstone WHERE namespace = ? AND name = ? AND spec_digest = ?", [
      namespace,
      name,
      specDigest,
    ]);
  }

  markStarted(): void {
    this.#run("INSERT OR IGNORE INTO mark (name) VALUES ('started')", []);
  }

  close(): void {
    this.#db.close();
  }

  #run(sql: string, values: readonly SQLInputValue[]): void {
    this.#db.prepare(sql).run(...values);
  }
}
