import { createRemoteJWKSet, type JWTVerifyGetKey } from "jose";
import { allowInsecureRequests, ClientSecretPost, type Configuration, discovery, None } from "openid-client";
import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { Secret } from "#lib/secret.ts";
import { HttpProblem } from "../../route.ts";

/** Which issuer is believed, and as whom we ask it. */
export interface OidcOptions {
  readonly issuer: string;
  /** Of the console. */
  readonly clientID: string;
  /** Of the command line, which cannot keep a secret; the same where the issuer knows one client only. */
  readonly cliClientID: string;
  /** Of the console's client; absent: it is a public one. */
  readonly clientSecret: Secret | undefined;
  readonly usernameClaim: string;
}

/** What people are asked for; the user name is in the profile, or is the e-mail address. */
export const scopes = "openid profile email";
/** Issuers change their endpoints rarely, and announce it. */
const discoveryLifeMs = 3_600_000;
const timeoutSeconds = 10;
/** Keys are fetched again after this, which also forgets those that the issuer took back. */
const keysLifeMs = 600_000;
/** A token with an unknown key makes us ask for the keys, this often at most: strangers can send such tokens. */
export const keysCooldownMs = 30_000;

interface Known {
  readonly config: Configuration;
  readonly keys: JWTVerifyGetKey;
  readonly readMs: number;
}

/** The OIDC issuer: found when it is first needed, so that a controller starts without it. */
export class OidcIssuer {
  readonly options: OidcOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #cooldownMs: number;
  #known: Promise<Known> | undefined;

  constructor(options: OidcOptions, world: { readonly clock: Clock; readonly log: Log; readonly cooldownMs?: number }) {
    this.options = options;
    this.#clock = world.clock;
    this.#log = world.log;
    this.#cooldownMs = world.cooldownMs ?? keysCooldownMs;
  }

  /** What the issuer publishes of itself. Rejects with `HttpProblem` 503 while it cannot be reached. */
  async known(): Promise<Known> {
    try {
      const known = await (this.#known ??= this.#discover());
      if (this.#clock.monotonicMs() - known.readMs < discoveryLifeMs) {
        return known;
      }
      this.#known = undefined;
      return await (this.#known ??= this.#discover());
    } catch (error) {
      this.#known = undefined;
      this.#log.error("the OIDC issuer cannot be read", { issuer: this.options.issuer, error: coerceError(error) });
      throw issuerUnavailable();
    }
  }

  async #discover(): Promise<Known> {
    const { issuer, clientID, clientSecret } = this.options;
    const authentication = clientSecret === undefined ? None() : ClientSecretPost(clientSecret.reveal());
    const config = await discovery(new URL(issuer), clientID, {}, authentication, {
      timeout: timeoutSeconds,
      // The options allow http for an issuer on this machine only.
      execute: issuer.startsWith("http:") ? [allowInsecureRequests] : [],
    });
    const { jwks_uri: keysURL } = config.serverMetadata();
    if (keysURL === undefined) {
      throw new Error("the issuer publishes no keys");
    }
    const keys = createRemoteJWKSet(new URL(keysURL), {
      timeoutDuration: timeoutSeconds * 1_000,
      cooldownDuration: this.#cooldownMs,
      cacheMaxAge: keysLifeMs,
    });
    return { config, keys, readMs: this.#clock.monotonicMs() };
  }
}

/** The issuer does not answer; nobody can be signed in by it now. */
export function issuerUnavailable(): HttpProblem {
  return new HttpProblem(503, "IssuerUnavailable", "the identity provider does not answer the controller right now", {
    next: "Try again in a few seconds.",
  });
}
