import { connectionString, type LocalDatabase, mysqlCommand, mysqlDSN } from "#wire/connection-strings.ts";

/** What a person pastes into a client. The same for every grant of that database and role, so that saved connections keep working. */
export interface ConnectionText {
  readonly url: string;
  readonly command: string;
}

/** The connection string that `rds proxy` says, and a ready command line. For MySQL and MariaDB the string is that of Go's driver. */
export function connectionText(local: LocalDatabase): ConnectionText {
  return local.engine === "PostgreSQL"
    ? { url: connectionString("url", local) ?? "", command: connectionString("psql", local) ?? "" }
    : { url: mysqlDSN(local), command: mysqlCommand("mysql", local) };
}
