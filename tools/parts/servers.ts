import { existsSync } from "node:fs";
import path from "node:path";
import { versionOf } from "./command.ts";
import { findInSuite, type SuiteFolder, type SuiteRequest } from "./debian-suite.ts";
import { reachable } from "./reachable.ts";
import { isMissing, type Part, reasonFor } from "./part.ts";

/** A program of the distribution. */
export interface Program {
  readonly file: string;
  readonly version: string;
}

/** A Postgres of the distribution: `folder/bin` holds server and client programs. */
export interface PostgresPart {
  readonly folder: string;
  readonly version: string;
}

/** The distribution's MariaDB. */
export interface MariadbPart {
  readonly version: string;
  readonly mariadbd: string;
  readonly installDatabase: string;
  readonly client: string;
  readonly dump: string;
}

/** Oracle's MySQL in a folder that every account can read. The programs are scripts that start through the folder's own loader. */
export interface MysqlPart {
  readonly version: string;
  readonly folder: string;
  /** Needs `--basedir` and `--lc-messages-dir`, which are the two fields below. */
  readonly mysqld: string;
  readonly basedir: string;
  readonly messages: string;
  readonly client: string;
  readonly dump: string;
}

/** Every server and tool that tests may start, or why it is missing. */
export interface ServerParts {
  readonly postgres15: Part<PostgresPart>;
  readonly mariadb: Part<MariadbPart>;
  readonly mysql: Part<MysqlPart>;
  /** psql and pg_dump of Postgres 18, which the distribution does not have. */
  readonly postgresClient18: Part<PostgresPart>;
  readonly pgbouncer: Part<Program>;
  readonly haproxy: Part<Program>;
  readonly sysbench: Part<Program>;
}

export const mysqlRequest: SuiteRequest = {
  name: "mysql",
  packages: ["mysql-server-core", "mysql-client-core", "mysql-common"],
  programs: ["usr/sbin/mysqld", "usr/bin/mysql", "usr/bin/mysqldump"],
};

const postgresBin = "usr/lib/postgresql/18/bin";
export const postgresClientRequest: SuiteRequest = {
  name: "postgresql-client",
  packages: ["postgresql-client-18"],
  programs: [`${postgresBin}/psql`, `${postgresBin}/pg_dump`],
};

/** Looks for the parts; brings nothing (`bringParts` does). */
export function serverParts(): Promise<ServerParts> {
  const distribution = "/usr/lib/postgresql/15";
  const postgres = versionOf(path.join(distribution, "bin", "postgres"));
  return Promise.resolve({
    postgres15:
      postgres === undefined ? { missing: reasonFor("postgres15") } : { folder: distribution, version: postgres },
    mariadb: mariadb(),
    mysql: fromSuite("mysql", mysqlRequest, mysqlIn),
    postgresClient18: fromSuite("postgresClient18", postgresClientRequest, ({ folder, version }) => ({
      folder,
      version: upstreamVersion(version),
    })),
    pgbouncer: program("pgbouncer", "/usr/sbin/pgbouncer"),
    haproxy: program("haproxy", "/usr/sbin/haproxy", "-v"),
    sysbench: program("sysbench", "/usr/bin/sysbench"),
  });
}

function program(part: string, file: string, option?: string): Part<Program> {
  const version = versionOf(file, option);
  return version === undefined ? { missing: reasonFor(part) } : { file, version };
}

function mariadb(): Part<MariadbPart> {
  const files = {
    mariadbd: "/usr/sbin/mariadbd",
    installDatabase: "/usr/bin/mariadb-install-db",
    client: "/usr/bin/mariadb",
    dump: "/usr/bin/mariadb-dump",
  };
  const version = versionOf(files.mariadbd);
  const isWhole = Object.values(files).every((file) => existsSync(file));
  return version === undefined || !isWhole ? { missing: reasonFor("mariadb") } : { ...files, version };
}

function mysqlIn({ folder, version }: SuiteFolder): MysqlPart {
  return {
    version: upstreamVersion(version),
    folder,
    mysqld: path.join(folder, "bin", "mysqld"),
    basedir: path.join(folder, "usr"),
    messages: path.join(folder, "usr", "share", "mysql"),
    client: path.join(folder, "bin", "mysql"),
    dump: path.join(folder, "bin", "mysqldump"),
  };
}

function fromSuite<T extends object>(part: string, request: SuiteRequest, read: (found: SuiteFolder) => T): Part<T> {
  const found = findInSuite(request);
  if (found === undefined) {
    return { missing: reasonFor(part) };
  }
  const folder = reachable(found.folder);
  return isMissing(folder) ? folder : read({ ...found, folder: folder.folder });
}

/** `9.7.4` of Debian's `9.7.4-2`. */
function upstreamVersion(version: string): string {
  return version.replace(/-[^-]*$/, "");
}
