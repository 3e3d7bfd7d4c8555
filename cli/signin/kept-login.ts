import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { readPrivateFile, writePrivateFile } from "#lib/private-file.ts";
import { Secret } from "#lib/secret.ts";
import type { LoginResponse, Person, SignInInfo } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import { cacheFile } from "../config/cache-file.ts";
import type { Config } from "../config/config.ts";
import { findTokens, holds, leewayMs, type PortalToken } from "./token-cache.ts";

/** A sign-in at one installation, as it is kept between commands for as long as its token lives (decision 0027). */
export interface KeptLogin {
  readonly signIn: SignInInfo;
  readonly person: Person;
  /** Bearer token of the control API, and its end (RFC 3339). */
  readonly token: Secret;
  readonly expiryTime: string;
}

/** What is in the file. */
interface Entry extends Omit<KeptLogin, "token"> {
  readonly url: string;
  readonly token: string;
  /** SHA-256 of what it belongs to beside the address. */
  readonly authority: string;
  readonly portalToken: string;
}

/** Where the sign-in at an installation is kept. */
export function loginFile(url: string, world: World): string {
  return cacheFile("login", url, world);
}

/**
 * The sign-in that is kept for this address, while its token holds. It is nobody's but whose it was: one that was made with another portal
 * token than the one that would be used now, or at a server of another authority, is none. Nor is one that others may have read, of which
 * the person is told.
 */
export function findLogin(config: Config, world: World): KeptLogin | undefined {
  const file = loginFile(config.url, world);
  const read = readPrivateFile(file);
  if (read === undefined) {
    return undefined;
  }
  if ("exposed" in read) {
    world.output.note(`The sign-in that was kept is not used: ${file} ${read.exposed}`);
    return undefined;
  }
  const entry = parse(read.text);
  const nowMs = world.clock.now();
  if (entry?.url !== config.url || !(Date.parse(entry.expiryTime) - nowMs > leewayMs)) {
    return undefined;
  }
  const { startURL, ssoRegion } = entry.signIn;
  const portalToken = findTokens(startURL, ssoRegion, world).find((token) => holds(token, nowMs));
  if (portalToken === undefined || entry.portalToken !== digestOf(portalToken.accessToken.reveal())) {
    return undefined;
  }
  return entry.authority === authorityOf(config) ? { ...entry, token: new Secret(entry.token) } : undefined;
}

/** Keeps a sign-in, readable by its owner only. Where nothing can be written the next command signs in again. */
export function keepLogin(
  config: Config,
  signIn: SignInInfo,
  { token, expiryTime, person }: LoginResponse,
  portalToken: PortalToken,
  world: World,
): void {
  const entry: Entry = {
    url: config.url,
    signIn,
    person,
    token,
    expiryTime,
    authority: authorityOf(config),
    portalToken: digestOf(portalToken.accessToken.reveal()),
  };
  try {
    writePrivateFile(loginFile(config.url, world), JSON.stringify(entry));
  } catch {
    // A home that is read-only, or full. The command itself has what it needs.
  }
}

/** Forgets the sign-in at an installation. */
export function forgetLogin(url: string, world: World): void {
  rmSync(loginFile(url, world), { force: true });
}

function parse(text: string): Entry | undefined {
  try {
    const entry = JSON.parse(text) as Partial<Entry> | null;
    const texts = [entry?.url, entry?.token, entry?.expiryTime, entry?.authority, entry?.portalToken];
    const isWhole =
      texts.every((value) => typeof value === "string") &&
      typeof entry?.person?.userName === "string" &&
      typeof entry.signIn?.startURL === "string" &&
      typeof entry.signIn.ssoRegion === "string";
    return isWhole ? (entry as Entry) : undefined;
  } catch {
    return undefined;
  }
}

/** The authority that the server's certificate must come from; the same text for the public ones, whatever the computer trusts. */
function authorityOf({ caFile }: Config): string {
  return caFile === undefined ? "public" : digestOf(readFileSync(caFile));
}

function digestOf(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
