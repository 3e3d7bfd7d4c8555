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

/** The connection string and a ready command line. The password is a placeholder: the proxy injects the real one. */
export function connectionText(info: ConnectInfo, port: number): ConnectionText {
  const user = encodeURIComponent(info.username);
  const database = encodeURIComponent(info.databaseName);
  if (info.engine === "PostgreSQL") {
    const url = `postgresql://${user}:password@127.0.0.1:${port}/${database}?sslmode=disable`;
    return { url, command: `psql "${url}"` };
  }
  return {
    url: `${info.username}:password@tcp(127.0.0.1:${port})/${info.databaseName}`,
    command: `mysql -u ${shellWord(info.username)} -p'password' -h 127.0.0.1 -P ${port} ${shellWord(info.databaseName)}`,
  };
}

/** A name as one word of a command line, whatever is in it; plain names stay plain. */
export function shellWord(name: string): string {
  return /^[\w.@%+:/-]+$/.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`;
}
