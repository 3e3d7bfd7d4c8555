import { capability } from "./capabilities.ts";
import { trackedCapabilities } from "./protocol.ts";

/** What one side can: the flags of the protocol, and those that MariaDB has besides. */
export interface Flags {
  readonly flags: number;
  /** MariaDB's further flags; 0 from MySQL. */
  readonly extended: number;
}

/** Flags of the login itself, which the proxy speaks on both legs whatever the other leg can. */
const ofLogin =
  capability.connectWithDatabase |
  capability.pluginAuth |
  capability.connectAttributes |
  capability.pluginAuthLengthEncoded;

/**
 * What the client is offered: what the server has and the command phase can be followed with, and what the proxy itself can in a login.
 * Not among it, by intent: compression (it would blind the audit), TLS (each leg has its own), LOCAL_FILES (the server would choose a
 * file of the person's), expired passwords (only good for setting a new one), MULTI_FACTOR, CAPABILITY_EXTENSION, and whatever comes
 * later.
 */
export function offeredTo(server: Flags): Flags {
  return {
    flags: ((server.flags & trackedCapabilities.mysql) | ofLogin) >>> 0,
    extended: (server.extended & trackedCapabilities.mariaDB) >>> 0,
  };
}

/**
 * What the proxy asks of the server: what the client asked for of what it was offered. From here on both legs have the same flags, so
 * that bytes mean the same on both. The flags of the login are the server's, since that one is between proxy and server.
 */
export function agreedFlags(client: Flags, server: Flags): Flags {
  const common = client.flags & server.flags & trackedCapabilities.mysql & ~ofLogin;
  return {
    flags: (common | (server.flags & ofLogin)) >>> 0,
    extended: (client.extended & server.extended & trackedCapabilities.mariaDB) >>> 0,
  };
}
