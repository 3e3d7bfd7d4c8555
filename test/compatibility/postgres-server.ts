import pg from "pg";
import { startPostgres } from "#test/harness/postgres.ts";
import { disagreements } from "./account.ts";
import { databases, type MatrixServer, role } from "./matrix.ts";
import { fixtureSQL } from "./postgres-fixture.ts";
import { clearLog, loggingSettings, readLog } from "./server-log.ts";

/** Starts a Postgres of the matrix. `binaries` holds `bin/`; Postgres 18 of npm without it. */
export async function startPostgresServer(
  title: string,
  binaries: string | undefined,
  password: string,
): Promise<MatrixServer> {
  const server = await startPostgres({
    ...(binaries === undefined ? {} : { binaries }),
    database: databases.through,
    tls: "host",
    settings: loggingSettings,
    initSQL: `create role ${role} login password '${password}'; ${fixtureSQL(role)}`,
  });
  await server.query(`create database ${databases.direct} template ${databases.through}`);
  await server.query(
    Object.values(databases)
      .map((name) => `grant create on database ${name} to ${role};`)
      .join(" "),
  );
  return {
    title,
    engine: "PostgreSQL",
    host: server.host,
    port: server.port,
    ca: server.ca,
    watch: {
      async isRunning(sql, database) {
        const found = "select 1 from pg_stat_activity where state = 'active' and query = $1 and datname = $2";
        return (await server.query(found, [sql, database])).length > 0;
      },
    },
    async account() {
      // What the collector has not yet written of clients before would come after.
      await readLog(server);
      clearLog(server);
      return async (records) => {
        const log = await readLog(server);
        const ofPeople = log.filter(
          ({ database, user, application }) =>
            database === databases.through && user === role && application !== "sallyport",
        );
        return disagreements(records, ofPeople);
      };
    },
    async mark(at, sql) {
      const client = new pg.Client({ ...at, ssl: false });
      await client.connect();
      await client.query(sql);
      await client.end();
    },
    stop: () => server.stop(),
  };
}
