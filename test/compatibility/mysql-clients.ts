import { isMissing } from "#tools/parts/part.ts";
import type { ServerParts } from "#tools/parts/servers.ts";
import { mysqlClient, mysqlDumpClient } from "./mysql-command-line.ts";
import { goClient, javaClient, type MatrixClient, nodeClient, pythonClient } from "./program-clients.ts";

/** Every client of MySQL and MariaDB in the matrix, in the order of its columns. */
export async function mysqlClients({ mariadb, mysql }: ServerParts): Promise<readonly MatrixClient[]> {
  const titles = { mariadb: ["mariadb 10.11", "mariadb-dump 10.11"], mysql: ["mysql 9", "mysqldump 9"] } as const;
  const commandLine = (part: typeof mariadb | typeof mysql, [title, dump]: readonly [string, string]): MatrixClient[] =>
    isMissing(part)
      ? [title, dump].map((one) => ({ title: one, missing: part.missing }))
      : [mysqlClient(title, part.client), mysqlDumpClient(dump, part.dump, part.client)];
  return [
    ...commandLine(mariadb, titles.mariadb),
    ...commandLine(mysql, titles.mysql),
    nodeClient("mysql2", "mysql2.ts"),
    await pythonClient("PyMySQL", "pymysql_steps.py"),
    await goClient("go-sql-driver/mysql", "github.com/go-sql-driver/mysql", "gomysql"),
    await javaClient("Connector/J", "mysql-connector-j", "ConnectorJ"),
  ];
}
