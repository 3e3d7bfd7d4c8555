import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { isMissing } from "#tools/parts/part.ts";
import { serverParts } from "#tools/parts/servers.ts";
import { type MySqlOptions, serverEnvironment, startServer, type TestMySql } from "./mysql-server.ts";

const run = promisify(execFile);

/** Why there is no MariaDB here, for a skip's reason; undefined when there is one. */
export async function mariadbMissing(): Promise<string | undefined> {
  const { mariadb } = await serverParts();
  return isMissing(mariadb) ? mariadb.missing : undefined;
}

/** Starts the distribution's MariaDB. Throws where there is none; see `mariadbMissing`. */
export async function startMariaDB(options: MySqlOptions = {}): Promise<TestMySql> {
  const { mariadb } = await serverParts();
  if (isMissing(mariadb)) {
    throw new Error(mariadb.missing);
  }
  const { mariadbd, installDatabase } = mariadb;
  return startServer(
    {
      engine: "MariaDB",
      server: mariadbd,
      options: ["--performance-schema=off"],
      async install(data, identity) {
        const flags = [
          "--no-defaults",
          `--datadir=${data}`,
          `--tmpdir=${path.dirname(data)}`,
          "--skip-test-db",
          "--auth-root-authentication-method=normal",
        ];
        await run(installDatabase, flags, { ...identity, cwd: path.dirname(data), env: serverEnvironment });
      },
    },
    options,
  );
}
