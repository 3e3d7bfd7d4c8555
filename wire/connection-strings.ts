import { shellWord, singleQuoted } from "#lib/shell-word.ts";
import type { Entitlement } from "./control-api.ts";

/** Ports that database clients expect (IANA: postgresql 5432, mysql 3306). */
const enginePort = { PostgreSQL: 5432, MySQL: 3306, MariaDB: 3306 } as const;

/** The local port that a database asks for: what the Database suggests, else the engine's own. */
export function suggestedPort(wanted: Pick<Entitlement, "engine" | "localPort">): number {
  return wanted.localPort ?? enginePort[wanted.engine];
}

/** Where a database is on this computer, and as whom. */
export interface LocalDatabase {
  readonly engine: Entitlement["engine"];
  readonly database: string;
  readonly role: string;
  readonly databaseName: string;
  readonly username: string;
  readonly port: number;
  /**
   * What a client gives as the password: the word `password` where any is right, since the proxy knows the real one. Absent: a local
   * secret is demanded, and these strings shall not hold it.
   */
  readonly password?: string;
}

/** Forms in which `--print` gives a connection. */
export const printKinds = [
  "url",
  "psql",
  "mysql",
  "mariadb",
  "jdbc",
  "dbeaver",
  "go",
  "python",
  "node",
  "env",
  "json",
] as const;
export type PrintKind = (typeof printKinds)[number];

const host = "127.0.0.1";

/**
 * A connection in the form that a program takes. TLS is off in all of them: the way is encrypted behind the local port
 * (docs/decisions/0009-client-tls.md). The same for every grant of that database and role. Throws where the engine has no such form.
 */
export function connectionString(kind: PrintKind, local: LocalDatabase): string | undefined {
  switch (kind) {
    case "url":
      return url(local);
    case "json":
      return JSON.stringify({ host, ...local, url: url(local), jdbc: jdbc(local) });
    case "env":
      return Object.entries(environmentOf(local))
        .map(([name, value]) => `export ${name}=${shellWord(value)}`)
        .join("\n");
    case "jdbc":
      return jdbc(local);
    case "dbeaver":
      return dbeaver(local);
    case "psql":
      return isPostgres(local) ? `psql ${shellQuoted(url(local))}` : undefined;
    case "mysql":
    case "mariadb":
      return isPostgres(local) ? undefined : mysqlCommand(kind, local);
    case "go":
      return isPostgres(local)
        ? `pgx.Connect(ctx, ${quoted(url(local))})`
        : `sql.Open("mysql", ${quoted(mysqlDSN(local))})`;
    case "python":
      return isPostgres(local) ? `psycopg.connect(${quoted(url(local))})` : pythonMysql(local);
    case "node":
      return isPostgres(local)
        ? `new pg.Client(${quoted(url(local))})`
        : `await mysql.createConnection(${quoted(url(local))})`;
    default:
      return kind satisfies never;
  }
}

/**
 * Variables that database programs read: libpq's (PostgreSQL documentation, "Environment Variables"), or MySQL's `MYSQL_HOST`,
 * `MYSQL_TCP_PORT` and `MYSQL_PWD` (MySQL manual, "Environment Variables") with the names that tools and images use beside them.
 */
export function environmentOf(local: LocalDatabase): Readonly<Record<string, string>> {
  const { databaseName, username, password } = local;
  const port = String(local.port);
  if (isPostgres(local)) {
    return {
      PGHOST: host,
      PGPORT: port,
      PGUSER: username,
      PGDATABASE: databaseName,
      ...(password === undefined ? {} : { PGPASSWORD: password }),
      PGSSLMODE: "disable",
      DATABASE_URL: url(local),
    };
  }
  return {
    MYSQL_HOST: host,
    MYSQL_TCP_PORT: port,
    MYSQL_PORT: port,
    MYSQL_USER: username,
    MYSQL_DATABASE: databaseName,
    ...(password === undefined ? {} : { MYSQL_PWD: password, MYSQL_PASSWORD: password }),
    DATABASE_URL: url(local),
  };
}

/** RFC 3986 with the names escaped, as libpq, pgx, psycopg, node-postgres and mysql2 read it. */
function url(local: LocalDatabase): string {
  const [user, database] = [local.username, local.databaseName].map(encodeURIComponent);
  const password = local.password === undefined ? "" : `:${encodeURIComponent(local.password)}`;
  return isPostgres(local)
    ? `postgresql://${user}${password}@${host}:${local.port}/${database}?sslmode=disable`
    : `mysql://${user}${password}@${host}:${local.port}/${database}`;
}

/** pgjdbc and MySQL Connector/J take user and password as parameters; MariaDB's driver has a scheme of its own. */
function jdbc(local: LocalDatabase): string {
  const { engine, port, databaseName } = local;
  const names = new URLSearchParams({
    user: local.username,
    ...(local.password === undefined ? {} : { password: local.password }),
  });
  const parameters = names.toString().replaceAll("+", "%20");
  const properties = new URLSearchParams(jdbcProperties[engine]).toString();
  const place = `${host}:${port}/${encodeURIComponent(databaseName)}?${parameters}&${properties}`;
  return `jdbc:${engine.toLowerCase()}://${place}`;
}

/** What pgjdbc, MariaDB's driver and Connector/J must be told, so that they want no TLS here. */
const jdbcProperties = {
  PostgreSQL: { sslmode: "disable" },
  MariaDB: { sslMode: "disable" },
  // Without TLS its default login method needs the server's key, which a client has to be told it may ask for.
  MySQL: { sslMode: "DISABLED", allowPublicKeyRetrieval: "true" },
} as const;

/**
 * DBeaver's own command line (its documentation, "Command line"): makes the connection once and keeps it. `prop.` names a property of the JDBC
 * driver.
 */
function dbeaver(local: LocalDatabase): string {
  const driver = { PostgreSQL: "postgresql", MySQL: "mysql8", MariaDB: "mariaDB" }[local.engine];
  const properties = {
    name: `${local.database} ${local.role}`,
    driver,
    host,
    port: String(local.port),
    database: local.databaseName,
    user: local.username,
    ...(local.password === undefined ? {} : { password: local.password, savePassword: "true" }),
    ...Object.fromEntries(Object.entries(jdbcProperties[local.engine]).map(([name, value]) => [`prop.${name}`, value])),
    create: "true",
    save: "true",
    connect: "true",
  };
  const text = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
  return `dbeaver -con ${shellQuoted(text.join("|"))}`;
}

/** `passwordFile`: an option file that knows the password; it must be named before everything else (MySQL manual, 6.2.2.3). */
export function mysqlCommand(program: "mysql" | "mariadb", local: LocalDatabase, passwordFile?: string): string {
  const user = ["-u", shellWord(local.username)];
  const login =
    passwordFile === undefined
      ? [...user, local.password === undefined ? "-p" : `-p${singleQuoted(local.password)}`]
      : [`--defaults-extra-file=${shellWord(passwordFile)}`, ...user];
  return [program, ...login, "-h", host, "-P", String(local.port), shellWord(local.databaseName)].join(" ");
}

/** go-sql-driver/mysql's own form (its README, "DSN"). */
export function mysqlDSN(local: LocalDatabase): string {
  const password = local.password === undefined ? "" : `:${local.password}`;
  return `${local.username}${password}@tcp(${host}:${local.port})/${encodeURIComponent(local.databaseName)}`;
}

function pythonMysql(local: LocalDatabase): string {
  const password = local.password === undefined ? "" : `, password=${quoted(local.password)}`;
  const names = `user=${quoted(local.username)}${password}, database=${quoted(local.databaseName)}`;
  return `pymysql.connect(host=${quoted(host)}, port=${local.port}, ${names})`;
}

function isPostgres({ engine }: Pick<LocalDatabase, "engine">): boolean {
  return engine === "PostgreSQL";
}

/** A string of Go, Python and JavaScript alike: JSON's escapes are theirs too. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

/** In double quotes, as people are used to, where nothing in it means anything to a shell there. */
function shellQuoted(text: string): string {
  return /["$`\\!]/.test(text) ? singleQuoted(text) : `"${text}"`;
}
