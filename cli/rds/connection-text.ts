import type { ConnectInfo, Entitlement } from "#wire/control-api.ts";

/** Ports that database clients expect (IANA: postgresql 5432, mysql 3306). */
const enginePort = { PostgreSQL: 5432, MySQL: 3306, MariaDB: 3306 } as const;

/** The local port that a database asks for: what the Database suggests, else the engine's own. */
export function suggestedPort(wanted: Pick<Entitlement, "engine" | "localPort">): number {
  return wanted.localPort ?? enginePort[wanted.engine];
}

/** What a person pastes into a client. The same for every grant of that database and role, so that saved connections keep working. */
export interface ConnectionText {
  readonly url: string;
  readonly command: string;
}

/**
 * The connection string and a ready command line. The password is the word `password`: the proxy injects the real one. Where the local port
 * demands one, it is that, or (undefined) left out.
 */
export function connectionText(
  { engine, username, databaseName }: Pick<ConnectInfo, "engine" | "username" | "databaseName">,
  port: number,
  password: string | undefined,
): ConnectionText {
  const user = encodeURIComponent(username);
  const database = encodeURIComponent(databaseName);
  const secret = password === undefined ? "" : `:${password}`;
  if (engine === "PostgreSQL") {
    const url = `postgresql://${user}${secret}@127.0.0.1:${port}/${database}?sslmode=disable`;
    return { url, command: `psql "${url}"` };
  }
  const flag = password === undefined ? "" : ` -p'${password}'`;
  return {
    url: `${username}${secret}@tcp(127.0.0.1:${port})/${databaseName}`,
    command: `mysql -u ${shellWord(username)}${flag} -h 127.0.0.1 -P ${port} ${shellWord(databaseName)}`,
  };
}

/** A name as one word of a command line, whatever is in it; plain names stay plain. */
export function shellWord(name: string): string {
  return /^[\w.@%+:/-]+$/.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`;
}
