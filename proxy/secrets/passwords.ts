import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import type { DatabaseProblem } from "#wire/link.ts";
import { UpstreamError, type PasswordSource } from "../upstream/target.ts";

/** Reads one secret's text. Throws what the AWS SDK throws. */
export type ReadSecret = (secretARN: string) => Promise<string | undefined>;

/** A rotated password is found out by a refused login anyway; this only spares Secrets Manager a call for each connection. */
export const secretCacheMs = 5 * 60_000;
/** Between two reads past the cache: a tool that reconnects in a loop with a wrong secret must not use up the account's call rate. */
export const freshReadEveryMs = 10_000;
/**
 * So long a password that the database has refused is not sent to it again. Servers that lock accounts count failures (MySQL's
 * FAILED_LOGIN_ATTEMPTS, connection_control); two a minute leave a person time to mend it, and a changed secret is tried at once.
 */
export const refusedHoldMs = 30_000;

/** Whose password a secret is for, and where: a secret that one server refuses may be right at another. */
export interface SecretLogin {
  readonly secretARN: string;
  readonly username: string;
  readonly host: string;
  readonly port: number;
}

interface Content {
  readonly username: string | undefined;
  readonly password: Secret;
}

/** Passwords of database roles, from Secrets Manager, kept for a short time in memory. */
export class Passwords {
  readonly #read: ReadSecret;
  readonly #clock: Clock;
  readonly #held = new Map<
    string,
    { readonly content: Promise<Content>; readonly readMs: number; readonly freshMs: number }
  >();
  readonly #refused = new Map<string, { readonly password: Secret; readonly sinceMs: number }>();

  constructor(read: ReadSecret, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  /** The password in a secret, for one role of one server. */
  source(login: SecretLogin): PasswordSource {
    const key = JSON.stringify([login.secretARN, login.username, login.host, login.port]);
    return {
      get: (fresh, refused) => this.#get(key, login, fresh, refused),
      accepted: () => void this.#refused.delete(key),
    };
  }

  async #get(key: string, login: SecretLogin, fresh: boolean, refused: Secret | undefined): Promise<Secret> {
    const now = this.#clock.monotonicMs();
    if (refused !== undefined) {
      this.#refused.set(key, { password: refused, sinceMs: now });
    }
    const known = this.#refused.get(key);
    let { username, password } = await this.#content(login.secretARN, fresh || known !== undefined);
    if (isOther(username, login)) {
      // Perhaps somebody has put it right by now.
      ({ username, password } = await this.#content(login.secretARN, true));
    }
    if (isOther(username, login)) {
      throw new UpstreamError(
        "SecretUnreadable",
        `the role's secret is for another user than "${login.username}"; ask an administrator to check the role's username and secret`,
      ).because("secret-of-other-user");
    }
    if (refused === undefined && known !== undefined) {
      this.#mayTryAgain(key, known, password, now);
    }
    return password;
  }

  #mayTryAgain(
    key: string,
    known: { readonly password: Secret; readonly sinceMs: number },
    password: Secret,
    now: number,
  ): void {
    if (known.password.reveal() !== password.reveal()) {
      this.#refused.delete(key);
      return;
    }
    if (now - known.sinceMs < refusedHoldMs) {
      throw new UpstreamError(
        "AuthenticationFailed",
        "the database has just refused the proxy's own login, and the role's secret has not changed since; " +
          "ask an administrator to check it, then try again in half a minute",
      ).because("login-refused");
    }
    // One of those who wait tries; the others are held until it is known whether that one got in.
    this.#refused.set(key, { password, sinceMs: now });
  }

  #content(secretARN: string, fresh: boolean): Promise<Content> {
    const now = this.#clock.monotonicMs();
    const held = this.#held.get(secretARN);
    if (held !== undefined && (fresh ? now - held.freshMs < freshReadEveryMs : now - held.readMs < secretCacheMs)) {
      return held.content;
    }
    const content = this.#fetch(secretARN);
    this.#held.set(secretARN, { content, readMs: now, freshMs: fresh ? now : -Infinity });
    content.catch(() => {
      if (this.#held.get(secretARN)?.content === content) {
        this.#held.delete(secretARN);
      }
    });
    return content;
  }

  async #fetch(secretARN: string): Promise<Content> {
    let text: string | undefined;
    try {
      text = await this.#read(secretARN);
    } catch (cause) {
      const name = cause instanceof Error ? cause.name : "unknown error";
      throw new UpstreamError(
        "SecretUnreadable",
        `the role's secret cannot be read from Secrets Manager (${name}); ask an administrator to check it`,
      ).because(secretProblem(cause));
    }
    return readContent(text);
  }
}

/**
 * What Secrets Manager's refusals mean. It answers AccessDeniedException for the secret's key as well, and says so in its message
 * only ("Access to KMS is not allowed"); a secret that is scheduled for deletion is an InvalidRequestException.
 */
function secretProblem(cause: unknown): DatabaseProblem | undefined {
  const { name, message } = coerceError(cause);
  switch (name) {
    case "AccessDeniedException":
      return /\bKMS\b/.test(message) ? "secret-key-denied" : "secret-denied";
    case "DecryptionFailure":
      return "secret-key-denied";
    case "ResourceNotFoundException":
    case "InvalidRequestException":
      return "secret-missing";
    default:
      return undefined;
  }
}

const isOther = (username: string | undefined, login: SecretLogin): boolean =>
  username !== undefined && username !== login.username;

/**
 * RDS's own form, also of the secrets that RDS manages: a JSON object with `password`, and mostly `username`. No part of the text
 * goes into an error. Source: AWS Secrets Manager, "JSON structure of database credential secrets".
 */
function readContent(text: string | undefined): Content {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    value = undefined;
  }
  const { password, username } = (value ?? {}) as { readonly password?: unknown; readonly username?: unknown };
  if (typeof password !== "string" || password === "") {
    throw new UpstreamError(
      "SecretUnreadable",
      'the role\'s secret is not a JSON object with a "password"; ask an administrator to check it',
    ).because("secret-malformed");
  }
  return { username: typeof username === "string" ? username : undefined, password: new Secret(password) };
}
