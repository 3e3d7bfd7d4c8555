import { UserError } from "#lib/errors.ts";
import type { Secret } from "#lib/secret.ts";
import { shellWord } from "#lib/shell-word.ts";
import { connectionString, type LocalDatabase, mysqlCommand, type PrintKind } from "#wire/connection-strings.ts";
import type { ConnectInfo } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import { localPasswordFile, writePasswordFile } from "../config/local-password.ts";
import { connectionText } from "./connection-text.ts";

/** Says how to connect: to people in the texts they know, to programs in one event, and in the forms that were asked for. */
export function announceReady(
  info: ConnectInfo,
  local: LocalDatabase,
  print: readonly PrintKind[],
  world: World,
): void {
  const { output } = world;
  const { port } = local;
  const { url, command } = connectionText(local);
  if (output.format === "json") {
    const { grantID, engine, databaseName, username, endpoint, expiryTime } = info;
    const way = { host: "127.0.0.1", port, url, engine, databaseName, username };
    const strings = Object.fromEntries(print.map((kind) => [kind, connectionString(kind, local)]));
    const printed = print.length === 0 ? {} : { print: strings };
    output.event("READY", "", { ...way, grantID, endpoint, expiryTime, ...printed });
    return;
  }
  output.note(`Database proxy ready for connections on 127.0.0.1:${port}`);
  output.note(`You can connect now using this connection string: ${url}`);
  output.note(`Or using the ${info.engine === "PostgreSQL" ? "postgres" : "mysql"} cli: ${command}`);
  for (const kind of print) {
    const text = connectionString(kind, local);
    if (text === undefined) {
      output.error(
        new UserError("InvalidPrint", `there is no ${kind} form for ${info.database}`, {
          why: `it is ${info.engine}`,
          next: "sallyport rds proxy --print url",
        }),
      );
    } else {
      output.result(text, () => text);
    }
  }
}

/** Says that the port demands a password, and where programs find it. The password itself is not shown. */
export function announcePassword(local: LocalDatabase, password: Secret, world: World): void {
  const { databaseName, username, port } = local;
  const isPostgres = local.engine === "PostgreSQL";
  const file = writePasswordFile({ isPostgres, databaseName, username, port }, password, world);
  const { output } = world;
  const ready = isPostgres
    ? `PGPASSFILE=${shellWord(file)} ${connectionText(local).command}`
    : mysqlCommand("mysql", local, file);
  if (output.format === "json") {
    output.event("LOCAL-PASSWORD", "", { file: localPasswordFile(world), clientFile: file });
    return;
  }
  output.note(`This port demands the local password, which is in ${localPasswordFile(world)}`);
  output.note(`A command line that finds it by itself: ${ready}`);
}
