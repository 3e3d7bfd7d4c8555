import type { SessionOpen } from "#audit/record.ts";
import { textOf } from "#audit/text.ts";
import type { AdmittedStream } from "./engine.ts";

/** The first record of a session: who was let through to what. */
export function openRecord(
  session: string,
  taskARN: string,
  { grant, client }: AdmittedStream,
  upstream: {
    readonly processID: number | undefined;
    readonly serverVersion: string | undefined;
    readonly applicationName: string | undefined;
    readonly notices?: readonly string[];
  },
): SessionOpen {
  const { processID, serverVersion, applicationName, notices = [] } = upstream;
  return {
    kind: "session.open",
    session,
    grantID: grant.grantID,
    person: { userName: grant.person.userName, userID: grant.person.userID },
    database: grant.database.key,
    engine: grant.database.engine,
    databaseName: grant.database.databaseName,
    roleName: grant.role.name,
    username: grant.role.username,
    taskARN,
    client: { software: client, ...(applicationName === undefined ? {} : { applicationName }) },
    server: {
      host: grant.database.host,
      port: grant.database.port,
      ...(processID === undefined ? {} : { processID }),
      ...(serverVersion === undefined ? {} : { version: textOf(Buffer.from(serverVersion)) }),
    },
    parameters: grant.audit.parameters,
    ...(notices.length === 0 ? {} : { notices }),
  };
}
