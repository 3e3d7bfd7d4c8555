import type { LinkGrant } from "#wire/link.ts";
import { displayVersion } from "../mysql/greeting.ts";
import type { ConnectOptions } from "./connect.ts";
import { openSide as openMySqlSide, quit } from "./mysql-side.ts";
import { closeUpstream, openSide } from "./side.ts";
import type { PasswordSource, UpstreamTarget } from "./target.ts";

/** What a probe logs in with. */
export interface ProbeLogin {
  readonly engine: LinkGrant["database"]["engine"];
  readonly username: string;
  readonly databaseName: string;
  readonly password: PasswordSource;
}

/** Logs in to a database as a role, says nothing, and leaves. Returns the server's version. Throws `UpstreamError`. */
export async function probe(
  target: UpstreamTarget,
  login: ProbeLogin,
  options: ConnectOptions,
): Promise<string | undefined> {
  if (login.engine === "PostgreSQL") {
    const upstream = await openSide(target, login, options);
    closeUpstream(upstream);
    return upstream.parameters.get("server_version");
  }
  const upstream = await openMySqlSide(target, login, options);
  quit(upstream);
  return displayVersion(upstream.greeting);
}
