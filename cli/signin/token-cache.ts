import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Secret } from "#lib/secret.ts";
import type { World } from "../command.ts";

/** An access-portal token with what renews it, as the `aws` command line caches it. */
export interface PortalToken {
  readonly startURL: string;
  readonly region: string;
  readonly accessToken: Secret;
  /** RFC 3339 */
  readonly expiryTime: string;
}

/** A token this close to its end is not worth starting with. */
const leewayMs = 60_000;

/** `~/.aws/sso/cache`: the folder that the `aws` command line and the SDKs share (AWS SDKs and Tools Reference Guide, SSO token provider). */
function cacheDirectory(world: World): string {
  return path.join(world.homeDirectory, ".aws", "sso", "cache");
}

/** A token for this portal that still holds, whoever put it there: we, `aws sso login`, or an SDK. */
export function findToken(startURL: string, region: string, world: World): PortalToken | undefined {
  const directory = cacheDirectory(world);
  for (const file of listJson(directory)) {
    const entry = readEntry(path.join(directory, file));
    if (
      entry?.["startUrl"] === startURL &&
      entry["region"] === region &&
      typeof entry["accessToken"] === "string" &&
      typeof entry["expiresAt"] === "string" &&
      Date.parse(entry["expiresAt"]) - world.clock.now() > leewayMs
    ) {
      return { startURL, region, accessToken: new Secret(entry["accessToken"]), expiryTime: entry["expiresAt"] };
    }
  }
  return undefined;
}

/** Stores a token where the `aws` command line finds it: the SHA-1 of the start URL names the file. Readable by its owner only. */
export function storeToken(token: PortalToken, world: World): void {
  const directory = cacheDirectory(world);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = path.join(directory, `${createHash("sha1").update(token.startURL).digest("hex")}.json`);
  const staging = `${file}.${process.pid}`;
  const entry = {
    startUrl: token.startURL,
    region: token.region,
    accessToken: token.accessToken.reveal(),
    // The `aws` command line reads whole seconds with a Z only.
    expiresAt: token.expiryTime.replace(/\.\d+Z$/, "Z"),
  };
  writeFileSync(staging, JSON.stringify(entry), { mode: 0o600 });
  renameSync(staging, file);
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
