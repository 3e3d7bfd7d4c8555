import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { isMissing } from "#tools/parts/part.ts";
import { type MysqlPart, serverParts } from "#tools/parts/servers.ts";
import { type MySqlOptions, serverEnvironment, startServer, type TestMySql } from "./mysql-server.ts";

const run = promisify(execFile);

/** Why there is no Oracle MySQL here, for a skip's reason; undefined when there is one. */
export async function mysqlMissing(): Promise<string | undefined> {
  const { mysql } = await serverParts();
  return isMissing(mysql) ? mysql.missing : undefined;
}

/** Starts Oracle's MySQL as set-up brought it. Throws where there is none; see `mysqlMissing`. */
export async function startMySQL(options: MySqlOptions = {}): Promise<TestMySql> {
  const { mysql } = await serverParts();
  if (isMissing(mysql)) {
    throw new Error(mysql.missing);
  }
  return startMySQLOf(mysql, options);
}

/** Starts one whose programs are somewhere else. */
export async function startMySQLOf(
  { mysqld, basedir, messages }: Pick<MysqlPart, "mysqld" | "basedir" | "messages">,
  options: MySqlOptions = {},
): Promise<TestMySql> {
  // The folder that the package means for files of LOAD DATA is not there.
  const own = [`--basedir=${basedir}`, `--lc-messages-dir=${messages}`, "--secure-file-priv=NULL"];
  return startServer(
    {
      engine: "MySQL",
      server: mysqld,
      options: [...own, "--mysqlx=OFF"],
      async install(data, identity) {
        const flags = ["--no-defaults", ...own, "--initialize-insecure", `--datadir=${data}`];
        await run(mysqld, flags, { ...identity, cwd: path.dirname(data), env: serverEnvironment });
      },
    },
    options,
  );
}
