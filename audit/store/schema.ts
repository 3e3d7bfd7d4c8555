import type { DatabaseSync } from "node:sqlite";
import { UserError } from "#lib/errors.ts";

/** One step between two schemas. */
export interface Migration {
  readonly up: string;
  /** Takes `up` back: what the release before it needs is there again, and no record is lost. */
  readonly down: string;
}

/**
 * Migrations in order; the database's `user_version` says how many were applied. A published one is never edited.
 *
 * `records` keeps the bytes as they came, in the order they came (`store_seq`), flagged ones too. `position` is the sequence
 * number that a record holds in its task's chain; it is null for records that contradict one that is already there. All
 * other tables are made from `records` and serve searching only.
 */
export const migrations: readonly Migration[] = [
  {
    up: `
  CREATE TABLE tasks (
    id INTEGER PRIMARY KEY,
    proxy TEXT NOT NULL,
    task TEXT NOT NULL,
    seq INTEGER NOT NULL,
    chain_seq INTEGER NOT NULL,
    chain_head TEXT,
    UNIQUE (proxy, task)
  ) STRICT;
  CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    task_id INTEGER NOT NULL REFERENCES tasks (id),
    session TEXT NOT NULL,
    session_seq INTEGER NOT NULL,
    head TEXT NOT NULL,
    statements INTEGER NOT NULL,
    grant_id TEXT,
    user_name TEXT,
    user_id TEXT,
    database TEXT,
    engine TEXT,
    database_name TEXT,
    role_name TEXT,
    username TEXT,
    open_time TEXT,
    close_time TEXT,
    close_reason TEXT,
    UNIQUE (task_id, session)
  ) STRICT;
  CREATE INDEX sessions_by_name ON sessions (session);
  CREATE INDEX sessions_by_grant ON sessions (grant_id);
  CREATE INDEX sessions_by_person ON sessions (user_name);
  CREATE INDEX sessions_by_database ON sessions (database);
  CREATE INDEX sessions_open ON sessions (task_id) WHERE close_time IS NULL;
  CREATE TABLE records (
    store_seq INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id INTEGER NOT NULL REFERENCES tasks (id),
    position INTEGER,
    session_id INTEGER REFERENCES sessions (id),
    kind TEXT,
    statement INTEGER,
    received INTEGER NOT NULL,
    flag TEXT,
    bytes BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX records_in_chain ON records (task_id, position) WHERE position IS NOT NULL;
  CREATE INDEX records_by_session ON records (session_id, store_seq);
  CREATE TABLE statements (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES sessions (id),
    statement INTEGER NOT NULL,
    start_seq INTEGER,
    end_seq INTEGER,
    time TEXT NOT NULL,
    outcome TEXT,
    sql TEXT,
    UNIQUE (session_id, statement)
  ) STRICT;
  CREATE INDEX statements_by_time ON statements (time);
  CREATE TABLE findings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id INTEGER NOT NULL REFERENCES tasks (id),
    seq INTEGER,
    received INTEGER NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;
  `,
    down: `
  DROP TABLE findings; DROP TABLE statements; DROP TABLE records; DROP TABLE sessions; DROP TABLE tasks;
  `,
  },
  {
    up: `
  CREATE TABLE hazards (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL REFERENCES sessions (id),
    statement INTEGER NOT NULL,
    hazard TEXT NOT NULL,
    refused INTEGER NOT NULL,
    UNIQUE (session_id, statement, hazard)
  ) STRICT;
  `,
    down: "DROP TABLE hazards;",
  },
  // Pieces of texts that are too large for the statement's own record.
  {
    up: `
  CREATE TABLE texts (
    session_id INTEGER NOT NULL REFERENCES sessions (id),
    text INTEGER NOT NULL,
    piece INTEGER NOT NULL,
    store_seq INTEGER NOT NULL,
    PRIMARY KEY (session_id, text, piece)
  ) STRICT, WITHOUT ROWID;
  `,
    down: "DROP TABLE texts;",
  },
  // The controller's own events.
  {
    up: `
  CREATE TABLE events (
    store_seq INTEGER PRIMARY KEY,
    event TEXT NOT NULL,
    grant_id TEXT
  ) STRICT;
  CREATE INDEX events_by_grant ON events (grant_id, store_seq);
  `,
    down: "DROP TABLE events;",
  },
  // What searches and statistics ask of a statement's end.
  {
    up: `
  ALTER TABLE statements ADD COLUMN duration_ms REAL;
  ALTER TABLE statements ADD COLUMN rows INTEGER;
  UPDATE statements SET (duration_ms, rows) = (
    SELECT json_extract(CAST(r.bytes AS TEXT), '$.durationMs'), json_extract(CAST(r.bytes AS TEXT), '$.rows')
    FROM records r WHERE r.store_seq = statements.end_seq
  ) WHERE end_seq IS NOT NULL;
  `,
    down: "ALTER TABLE statements DROP COLUMN duration_ms; ALTER TABLE statements DROP COLUMN rows;",
  },
];

/**
 * Brings a database to the schema `target`, the newest by default, forward or back. Throws `UserError` when it was written by a newer
 * release.
 */
export function migrate(
  database: DatabaseSync,
  steps: readonly Migration[] = migrations,
  target: number = steps.length,
): void {
  const version = assertKnownSchema(database, steps);
  for (const [index, { up }] of steps.slice(0, target).entries()) {
    if (index >= version) {
      database.exec(`BEGIN IMMEDIATE; ${up}; PRAGMA user_version = ${index + 1}; COMMIT`);
    }
  }
  for (const [index, { down }] of [...steps.slice(0, version).entries()].reverse()) {
    if (index >= target) {
      database.exec(`BEGIN IMMEDIATE; ${down}; PRAGMA user_version = ${index}; COMMIT`);
    }
  }
}

/** The schema that a database has, 0 where it has none. Throws `UserError` when it was written by a newer release. */
export function assertKnownSchema(database: DatabaseSync, steps: readonly Migration[] = migrations): number {
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (version > steps.length) {
    throw new UserError("AuditStoreTooNew", "The audit store was written by a newer release of Sallyport", {
      why: `It has schema ${version}; this release knows ${steps.length}.`,
      next: "Run the newer release, or give this one another state directory.",
    });
  }
  return version;
}
