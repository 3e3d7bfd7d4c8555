import path from "node:path";
import { isMissing } from "#tools/parts/part.ts";
import type { ServerParts } from "#tools/parts/servers.ts";
import { dumpClient, pgbenchClient } from "./postgres-tools.ts";
import { goClient, javaClient, type MatrixClient, nodeClient, pythonClient } from "./program-clients.ts";
import { psqlClient } from "./psql.ts";

/** Every Postgres client of the matrix, in the order of its columns. */
export async function postgresClients(parts: ServerParts): Promise<readonly MatrixClient[]> {
  const programs = (
    part: ServerParts["postgres15"],
    make: (bin: (name: string) => string) => MatrixClient[],
    titles: string[],
  ) =>
    isMissing(part)
      ? titles.map((title) => ({ title, missing: part.missing }))
      : make((name) => path.join(part.folder, "bin", name));
  return [
    ...programs(
      parts.postgres15,
      (bin) => [
        psqlClient("psql 15", bin("psql"), false),
        pgbenchClient("pgbench 15", bin("pgbench")),
        dumpClient("pg_dump 15", bin("pg_dump"), bin("psql")),
      ],
      ["psql 15", "pgbench 15", "pg_dump 15"],
    ),
    ...programs(
      parts.postgresClient18,
      (bin) => [psqlClient("psql 18", bin("psql"), true), dumpClient("pg_dump 18", bin("pg_dump"), bin("psql"))],
      ["psql 18", "pg_dump 18"],
    ),
    nodeClient("pg", "pg.ts"),
    nodeClient("postgres", "postgres-js.ts"),
    await pythonClient("psycopg", "psycopg_steps.py"),
    await goClient("pgx", "github.com/jackc/pgx/v5", "pgx"),
    await javaClient("pgjdbc", "postgresql", "Pgjdbc"),
  ];
}
