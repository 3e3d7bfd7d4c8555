import type { Clock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { UpstreamError, type PasswordSource } from "../upstream/target.ts";

/** Reads one secret's text. Throws what the AWS SDK throws. */
export type ReadSecret = (secretARN: string) => Promise<string | undefined>;

/** A rotated password is found out by a refused login anyway; this only spares Secrets Manager a call for each connection. */
export const secretCacheMs = 5 * 60_000;

/** Passwords of database roles, from Secrets Manager, kept for a short time in memory. */
export class Passwords {
  readonly #read: ReadSecret;
  readonly #clock: Clock;
  readonly #held = new Map<string, { readonly password: Promise<Secret>; readonly readMs: number }>();

  constructor(read: ReadSecret, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  /** The password in a secret; without a secret, the role is meant to log in with an IAM token. */
  source(secretARN: string | undefined): PasswordSource {
    if (secretARN === undefined) {
      return {
        get: () =>
          Promise.reject(
            new UpstreamError(
              "SecretUnreadable",
              "this role is configured for IAM database authentication, which this release does not support yet",
              "0A000",
            ),
          ),
      };
    }
    return { get: (fresh) => this.#get(secretARN, fresh) };
  }

  #get(secretARN: string, fresh: boolean): Promise<Secret> {
    const now = this.#clock.monotonicMs();
    const held = this.#held.get(secretARN);
    if (held !== undefined && !fresh && now - held.readMs < secretCacheMs) {
      return held.password;
    }
    const password = this.#fetch(secretARN);
    this.#held.set(secretARN, { password, readMs: now });
    password.catch(() => {
      if (this.#held.get(secretARN)?.password === password) {
        this.#held.delete(secretARN);
      }
    });
    return password;
  }

  async #fetch(secretARN: string): Promise<Secret> {
    let text: string | undefined;
    try {
      text = await this.#read(secretARN);
    } catch (cause) {
      const name = cause instanceof Error ? cause.name : "unknown error";
      throw new UpstreamError(
        "SecretUnreadable",
        `the role's secret cannot be read from Secrets Manager (${name}); ask an administrator to check it`,
        "08006",
      );
    }
    return readPassword(text);
  }
}

/** RDS's own form: a JSON object with `password`. No part of the text goes into an error. */
function readPassword(text: string | undefined): Secret {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    value = undefined;
  }
  const password = (value as { password?: unknown } | null | undefined)?.password;
  if (typeof password !== "string" || password === "") {
    throw new UpstreamError(
      "SecretUnreadable",
      'the role\'s secret is not a JSON object with a "password"; ask an administrator to check it',
      "08006",
    );
  }
  return new Secret(password);
}
