import { UserError } from "#lib/errors.ts";
import type { Migration } from "../schema.ts";

/** Everything is in a schema of its own, so that the database may be shared. */
export const schemaName = "sallyport_audit";

/**
 * Migrations in order; `version` says how many were applied. A published one is never edited.
 *
 * As with SQLite, `records` keeps the bytes as they came and the other tables serve searching only. `records` and `statements` are
 * partitioned by the week of reception (`week`, counted from 1970-01-05, a Monday), so that retention drops tables instead of deleting
 * rows. `weeks` says at which position a week begins. `writer` is one row: who holds it locked is the only one who gives out positions,
 * so positions become visible in their order, without holes (docs/decisions/0023-shared-trail.md).
 */
export const migrations: readonly Migration[] = [
  {
    up: `
    CREATE TABLE writer (
      one boolean PRIMARY KEY DEFAULT true CHECK (one),
      epoch bigint NOT NULL,
      holder text NOT NULL,
      store_seq bigint NOT NULL
    );
    INSERT INTO writer (epoch, holder, store_seq) VALUES (0, '', 0);
    CREATE TABLE weeks (week integer PRIMARY KEY, first_seq bigint NOT NULL);
    CREATE TABLE tasks (
      id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      proxy text COLLATE "C" NOT NULL,
      task text COLLATE "C" NOT NULL,
      seq bigint NOT NULL,
      chain_seq bigint NOT NULL,
      chain_head text,
      UNIQUE (proxy, task)
    );
    CREATE TABLE sessions (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      task_id integer NOT NULL REFERENCES tasks (id),
      session text COLLATE "C" NOT NULL,
      week integer NOT NULL,
      last_week integer NOT NULL,
      session_seq bigint NOT NULL,
      head text NOT NULL,
      statements bigint NOT NULL,
      grant_id text COLLATE "C",
      user_name text COLLATE "C",
      user_id text COLLATE "C",
      database text COLLATE "C",
      engine text COLLATE "C",
      database_name text COLLATE "C",
      role_name text COLLATE "C",
      username text COLLATE "C",
      open_time text COLLATE "C",
      close_time text COLLATE "C",
      close_reason text COLLATE "C",
      UNIQUE (task_id, session)
    );
    CREATE INDEX sessions_by_name ON sessions (session);
    CREATE INDEX sessions_by_grant ON sessions (grant_id);
    CREATE INDEX sessions_by_person ON sessions (user_name);
    CREATE INDEX sessions_by_database ON sessions (database);
    CREATE INDEX sessions_open ON sessions (task_id) WHERE close_time IS NULL;
    CREATE TABLE records (
      store_seq bigint NOT NULL,
      week integer NOT NULL,
      task_id integer NOT NULL,
      position bigint,
      session_id bigint,
      kind text COLLATE "C",
      statement bigint,
      received bigint NOT NULL,
      flag text COLLATE "C",
      bytes bytea NOT NULL,
      PRIMARY KEY (store_seq, week)
    ) PARTITION BY RANGE (week);
    CREATE UNIQUE INDEX records_in_chain ON records (task_id, position, week);
    CREATE TABLE statements (
      id bigint GENERATED ALWAYS AS IDENTITY,
      week integer NOT NULL,
      session_id bigint NOT NULL,
      statement bigint NOT NULL,
      start_seq bigint,
      start_week integer,
      end_seq bigint,
      end_week integer,
      time text COLLATE "C" NOT NULL,
      outcome text COLLATE "C",
      duration_ms double precision,
      rows bigint,
      sql text COLLATE "C",
      PRIMARY KEY (id, week),
      UNIQUE (session_id, statement, week)
    ) PARTITION BY RANGE (week);
    CREATE INDEX statements_by_time ON statements (time);
    CREATE TABLE findings (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      task_id integer NOT NULL REFERENCES tasks (id),
      seq bigint,
      received bigint NOT NULL,
      kind text NOT NULL,
      detail text NOT NULL
    );
    CREATE TABLE hazards (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      session_id bigint NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
      statement bigint NOT NULL,
      hazard text COLLATE "C" NOT NULL,
      refused boolean NOT NULL,
      UNIQUE (session_id, statement, hazard)
    );
    CREATE TABLE texts (
      session_id bigint NOT NULL,
      text bigint NOT NULL,
      piece bigint NOT NULL,
      store_seq bigint NOT NULL,
      week integer NOT NULL,
      PRIMARY KEY (session_id, text, piece)
    );
    CREATE TABLE events (
      store_seq bigint PRIMARY KEY,
      week integer NOT NULL,
      event text COLLATE "C" NOT NULL,
      grant_id text COLLATE "C"
    );
    CREATE INDEX events_by_grant ON events (grant_id, store_seq);
    CREATE FUNCTION instr(text, text) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT strpos($1, $2)';
    `,
    down: `
    DROP FUNCTION instr(text, text);
    DROP TABLE events, texts, hazards, findings, statements, records, sessions, tasks, weeks, writer;
    `,
  },
  // The installation's head log, which every replica continues. Those who wrote lines keep them apart from the records as well.
  {
    up: "CREATE TABLE head_lines (line bigint PRIMARY KEY, signed text NOT NULL);",
    down: "DROP TABLE head_lines;",
  },
];

/** One statement after the other, on a connection inside a transaction. */
export type RunSQL = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/**
 * Brings the store to the schema `target`, the newest by default, forward or back, in the transaction that `run` is in. `schema` names where
 * it is: elsewhere while a trail is moved. Throws `UserError` when it was written by a newer release.
 */
export async function migrate(
  run: RunSQL,
  steps: readonly Migration[] = migrations,
  target: number = steps.length,
  schema: string = schemaName,
): Promise<void> {
  // Replicas that start at the same moment: one does it.
  await run(`SELECT pg_advisory_xact_lock(hashtext('${schema}'))`);
  await run(`CREATE SCHEMA IF NOT EXISTS ${schema}; SET LOCAL search_path TO ${schema}`);
  await run(
    "CREATE TABLE IF NOT EXISTS version (one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL)",
  );
  const version = Number((await run("SELECT version FROM version"))[0]?.["version"] ?? 0);
  if (version > steps.length) {
    throw new UserError("AuditStoreTooNew", "The audit store was written by a newer release of Sallyport", {
      why: `It has schema ${version}; this release knows ${steps.length}.`,
      next: `Run the newer release, or bring the store back with it: sallyport audit migrate --to ${steps.length}.`,
    });
  }
  for (const { up } of steps.slice(version, target)) {
    await run(up);
  }
  for (const { down } of steps.slice(target, version).toReversed()) {
    await run(down);
  }
  await run(
    `INSERT INTO version (version) VALUES (${target}) ON CONFLICT (one) DO UPDATE SET version = excluded.version`,
  );
}
