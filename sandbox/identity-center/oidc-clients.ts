import type { Clock, EpochMs } from "#lib/clock.ts";
import { hex, type Random } from "../ids.ts";

/** A registered client is good for 90 days, as AWS's. */
export const clientMs = 90 * 86_400_000;

export const deviceGrantType = "urn:ietf:params:oauth:grant-type:device_code";

/** What a client registered (RFC 7591). */
export interface OidcClient {
  readonly clientID: string;
  readonly secret: string;
  readonly issuedAt: EpochMs;
  readonly expiresAt: EpochMs;
  readonly scopes: readonly string[];
  readonly grantTypes: readonly string[];
  readonly redirectURIs: readonly string[];
}

/** Registered clients. */
export interface OidcClients {
  register(metadata: Pick<OidcClient, "scopes" | "grantTypes" | "redirectURIs">): OidcClient;
  find(clientID: string): OidcClient | undefined;
}

/** Starts with none. */
export function createOidcClients(clock: Clock, random: Random): OidcClients {
  const clients = new Map<string, OidcClient>();
  return {
    register(metadata) {
      const issuedAt = clock.now();
      const client = {
        ...metadata,
        clientID: hex(random, 16),
        secret: hex(random, 64),
        issuedAt,
        expiresAt: issuedAt + clientMs,
      };
      clients.set(client.clientID, client);
      return client;
    },
    find: (clientID) => clients.get(clientID),
  };
}

/**
 * Whether a browser may be sent there for this client: to an address that it registered, on this machine. The port of a loopback address
 * may be any, since clients take a free one when they start (RFC 8252 7.3).
 */
export function mayRedirect(client: OidcClient, uri: string): boolean {
  return (
    isLoopback(uri) &&
    client.redirectURIs.some((registered) => isLoopback(registered) && noPort(registered) === noPort(uri))
  );
}

function isLoopback(uri: string): boolean {
  return (
    URL.canParse(uri) &&
    new URL(uri).protocol === "http:" &&
    ["127.0.0.1", "localhost", "[::1]"].includes(new URL(uri).hostname)
  );
}

function noPort(uri: string): string {
  const url = new URL(uri);
  url.port = "";
  return url.href;
}
