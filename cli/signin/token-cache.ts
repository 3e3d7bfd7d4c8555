import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { writePrivateFile } from "#lib/private-file.ts";
import { Secret } from "#lib/secret.ts";
import type { World } from "../command.ts";

/** An access-portal token, as the `aws` command line caches it. */
export interface PortalToken {
  readonly startURL: string;
  readonly region: string;
  readonly accessToken: Secret;
  /** RFC 3339 */
  readonly expiryTime: string;
  /** What gets the next token without a person; absent where the sign-in gave none. */
  readonly renewal?: TokenRenewal;
  /** File of the cache that it came from or belongs in; a renewed one goes back there. Absent: the one of its start URL. */
  readonly file?: string;
}

/** A refresh token and the client registration that it belongs to (RFC 6749 6). */
export interface TokenRenewal {
  readonly clientID: string;
  readonly clientSecret: Secret;
  /** RFC 3339; after this the registration, and with it the refresh token, is worthless. */
  readonly registrationExpiryTime: string;
  readonly refreshToken: Secret;
}

/** A token this close to its end is not worth starting with. */
export const leewayMs = 60_000;

/** Whether the token can be used now. */
export function holds(token: PortalToken, nowMs: number): boolean {
  return instantOf(token.expiryTime) - nowMs > leewayMs;
}

/** Whether the token can be renewed now. */
export function isRenewable(token: PortalToken, nowMs: number): boolean {
  return token.renewal !== undefined && instantOf(token.renewal.registrationExpiryTime) - nowMs > leewayMs;
}

/** `~/.aws/sso/cache`: the folder that the `aws` command line and the SDKs share (AWS SDKs and Tools Reference Guide, SSO token provider). */
export function cacheDirectory(world: World): string {
  return path.join(world.homeDirectory, ".aws", "sso", "cache");
}

/**
 * Tokens for this portal that hold or can be renewed, whoever put them there: we, `aws sso login` (per start URL or per
 * sso-session), or an SDK. Those that hold longest come first, then those that can be renewed.
 */
export function findTokens(startURL: string, region: string, world: World): PortalToken[] {
  const nowMs = world.clock.now();
  return allTokens(startURL, region, world)
    .filter((token) => holds(token, nowMs) || isRenewable(token, nowMs))
    .sort((one, other) => instantOf(other.expiryTime) - instantOf(one.expiryTime));
}

/** Every token for this portal, also those that are over, with its file. */
export function allTokens(startURL: string, region: string, world: World): (PortalToken & { readonly file: string })[] {
  const directory = cacheDirectory(world);
  return listJson(directory).flatMap((name) => {
    const file = path.join(directory, name);
    const token = readToken(file);
    return token !== undefined && samePortal(token.startURL, startURL) && token.region === region
      ? [{ ...token, file }]
      : [];
  });
}

/**
 * Stores a token where the `aws` command line finds it: in the file that it came from, else in the one that the SHA-1 of the start
 * URL names. Readable by its owner only, and replaced in one step.
 */
export function storeToken(token: PortalToken, world: World): void {
  const file = token.file ?? path.join(cacheDirectory(world), cacheName(token.startURL));
  const entry = {
    ...(token.file === undefined ? {} : readEntry(token.file)),
    startUrl: token.startURL,
    region: token.region,
    accessToken: token.accessToken.reveal(),
    expiresAt: wholeSeconds(token.expiryTime),
    ...(token.renewal === undefined
      ? {}
      : {
          clientId: token.renewal.clientID,
          clientSecret: token.renewal.clientSecret.reveal(),
          registrationExpiresAt: wholeSeconds(token.renewal.registrationExpiryTime),
          refreshToken: token.renewal.refreshToken.reveal(),
        }),
  };
  writePrivately(file, entry);
}

/**
 * Writes a file of the cache: readable by its owner only, and replaced in one step. What somebody put in its way (a link to another file,
 * a file that others may read) is neither followed nor filled.
 */
export function writePrivately(file: string, entry: unknown): void {
  writePrivateFile(file, JSON.stringify(entry));
}

/** The file of a token: named by the SHA-1 of the sso-session's name, else of the start URL (botocore). */
export function cacheName(sessionOrStartURL: string): string {
  return `${createHash("sha1").update(sessionOrStartURL).digest("hex")}.json`;
}

function readToken(file: string): PortalToken | undefined {
  const entry = readEntry(file) ?? {};
  const { startUrl, region, accessToken, expiresAt } = entry;
  if (!isText(startUrl) || !isText(region) || !isText(accessToken) || !isText(expiresAt)) {
    return undefined;
  }
  const { clientId, clientSecret, registrationExpiresAt, refreshToken } = entry;
  const renewal =
    isText(clientId) && isText(clientSecret) && isText(registrationExpiresAt) && isText(refreshToken)
      ? {
          clientID: clientId,
          clientSecret: new Secret(clientSecret),
          registrationExpiryTime: registrationExpiresAt,
          refreshToken: new Secret(refreshToken),
        }
      : undefined;
  return {
    startURL: startUrl,
    region,
    accessToken: new Secret(accessToken),
    expiryTime: expiresAt,
    ...(renewal === undefined ? {} : { renewal }),
    file,
  };
}

/** People write a portal's address with and without a slash or `#/` at its end; the portal is the same. */
export function samePortal(one: string, other: string): boolean {
  const plain = (address: string): string => address.replace(/#.*$/, "").replace(/\/+$/, "");
  return plain(one) === plain(other);
}

/** Some versions of botocore write `UTC` in place of `Z`. An instant that cannot be read is long over. */
function instantOf(text: string): number {
  const epochMs = Date.parse(text.replace(/UTC$/, "Z"));
  return Number.isNaN(epochMs) ? 0 : epochMs;
}

/** The `aws` command line reads whole seconds with a Z only. */
export function wholeSeconds(instant: string): string {
  return instant.replace(/\.\d+Z$/, "Z");
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function listJson(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(".json"));
  } catch {
    return [];
  }
}

function readEntry(file: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    // Another program's half-written or foreign file is not ours to judge.
    return undefined;
  }
}
