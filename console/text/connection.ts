import type { ConnectInfo } from "#wire/control-api.ts";
import { shellWord } from "./command.ts";

/** Ports that database clients expect (IANA: postgresql 5432, mysql 3306). */
const enginePort = { PostgreSQL: 5432, MySQL: 3306, MariaDB: 3306 } as const;

/** Lines to paste into clients, the same that the command line prints. The password is a placeholder: the proxy injects the real one. */
export function connectionLines(
  info: Pick<ConnectInfo, "engine" | "username" | "databaseName" | "localPort">,
): readonly { readonly what: string; readonly text: string }[] {
  const { engine, username, databaseName } = info;
  const port = info.localPort ?? enginePort[engine];
  const user = encodeURIComponent(username);
  const database = encodeURIComponent(databaseName);
  if (engine === "PostgreSQL") {
    const url = `postgresql://${user}:password@127.0.0.1:${port}/${database}?sslmode=disable`;
    return [
      { what: "psql command", text: `psql "${url}"` },
      { what: "connection string", text: url },
    ];
  }
  const words = ["mysql", "-u", shellWord(username), "-p'password'", "-h", "127.0.0.1", "-P", String(port)];
  return [
    { what: "mysql command", text: [...words, shellWord(databaseName)].join(" ") },
    { what: "JDBC address", text: `jdbc:mysql://127.0.0.1:${port}/${database}` },
  ];
}
