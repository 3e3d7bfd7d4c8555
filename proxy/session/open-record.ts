import type { SessionOpen } from "#audit/record.ts";
import { textOf } from "#audit/text.ts";
import type { Upstream } from "../upstream/login.ts";
import type { AdmittedStream } from "./engine.ts";

/** The first record of a session: who was let through to what. */
export function openRecord(
  session: string,
  taskARN: string,
  { grant, client }: AdmittedStream,
  upstream: Pick<Upstream, "parameters" | "key">,
  parameters: ReadonlyMap<string, string>,
): SessionOpen {
  const applicationName = parameters.get("application_name");
  const version = upstream.parameters.get("server_version");
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
      ...(upstream.key === undefined ? {} : { processID: upstream.key.pid }),
      ...(version === undefined ? {} : { version: textOf(Buffer.from(version)) }),
    },
    parameters: grant.audit.parameters,
  };
}
