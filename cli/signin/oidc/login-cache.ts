import { rmSync } from "node:fs";
import { UserError } from "#lib/errors.ts";
import { readPrivateFile } from "#lib/private-file.ts";
import { Secret } from "#lib/secret.ts";
import type { Person, SignInInfo } from "#wire/control-api.ts";
import type { World } from "../../command.ts";
import { cacheFile } from "../../config/cache-file.ts";
import { writePrivately } from "../token-cache.ts";

/** A sign-in by OIDC at one installation, as it is kept between commands. */
export interface OidcLogin {
  /** Address of the control API. */
  readonly url: string;
  readonly issuer: string;
  readonly clientID: string;
  /** Gets the next ID token without a person; absent where the issuer gives none. */
  readonly refreshToken: Secret | undefined;
  /** Bearer token of the control API, with its end (RFC 3339) and its person. */
  readonly token: Secret;
  readonly expiryTime: string;
  readonly person: Person;
  /** What the installation said of signing in; absent in files of earlier versions. */
  readonly signIn: SignInInfo | undefined;
}

const fileFor = (url: string, world: World): string => cacheFile("oidc", url, world);

/**
 * The sign-in that is kept for an installation. A file that is no such thing is none. One that others may have read is an error, never used:
 * its refresh token signs in for as long as the issuer says.
 */
export function findOidcLogin(url: string, world: World): OidcLogin | undefined {
  const file = fileFor(url, world);
  const read = readPrivateFile(file);
  if (read !== undefined && "exposed" in read) {
    throw new UserError("LoginExposed", "your sign-in at the OIDC issuer is kept where it is no secret", {
      why: `${file} ${read.exposed}`,
      next: `Take the file away, and sign in again: rm ${file} && sallyport login --oidc`,
    });
  }
  return read === undefined ? undefined : parse(read.text, url);
}

function parse(text: string, url: string): OidcLogin | undefined {
  try {
    const entry = JSON.parse(text) as Record<string, unknown>;
    const { issuer, clientID, refreshToken, token, expiryTime, person, signIn } = entry;
    const isWhole =
      entry["url"] === url &&
      [issuer, clientID, token, expiryTime].every((value) => typeof value === "string") &&
      typeof person === "object" &&
      person !== null;
    return isWhole
      ? {
          url,
          issuer: issuer as string,
          clientID: clientID as string,
          refreshToken: typeof refreshToken === "string" ? new Secret(refreshToken) : undefined,
          token: new Secret(token as string),
          expiryTime: expiryTime as string,
          person: person as Person,
          signIn: typeof signIn === "object" && signIn !== null ? (signIn as SignInInfo) : undefined,
        }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a sign-in: readable by its owner only, and replaced in one step. */
export function storeOidcLogin(login: OidcLogin, world: World): void {
  writePrivately(fileFor(login.url, world), {
    ...login,
    refreshToken: login.refreshToken?.reveal(),
    token: login.token.reveal(),
  });
}

/** Forgets the sign-in at an installation. */
export function forgetOidcLogin(url: string, world: World): void {
  rmSync(fileFor(url, world), { force: true });
}
