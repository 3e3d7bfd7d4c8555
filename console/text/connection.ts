import { connectionString, suggestedPort } from "#wire/connection-strings.ts";
import type { ConnectInfo } from "#wire/control-api.ts";

/** Lines to paste into clients, the same that the command line prints. The password is a placeholder: the proxy injects the real one. */
export function connectionLines(
  info: Pick<ConnectInfo, "engine" | "database" | "role" | "username" | "databaseName" | "localPort">,
): readonly { readonly what: string; readonly text: string }[] {
  const local = { ...info, port: suggestedPort(info), password: "password" };
  const kinds =
    info.engine === "PostgreSQL"
      ? ([
          ["psql command", "psql"],
          ["connection string", "url"],
        ] as const)
      : ([
          ["mysql command", "mysql"],
          ["JDBC address", "jdbc"],
        ] as const);
  return kinds.map(([what, kind]) => ({ what, text: connectionString(kind, local) ?? "" }));
}
