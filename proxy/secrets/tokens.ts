import { Sha256 } from "@aws-crypto/sha256-js";
import { HttpRequest } from "@smithy/protocol-http";
import { SignatureV4 } from "@smithy/signature-v4";
import type { Clock, EpochMs } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import type { TaskCredentials } from "../link/task.ts";
import { UpstreamError, type PasswordSource } from "../upstream/target.ts";

/** A token lives 15 minutes. Source: Amazon RDS, "IAM database authentication". */
export const tokenLifeMs = 15 * 60_000;
/**
 * A token is not used in its last minute: a login may take half of one (connecting 10 s, logging in 20 s), and the server's clock
 * may be the other half ahead (a skew above 30 s is reported as a fault of its own).
 */
export const tokenMarginMs = 60_000;
/** Between two tokens that were asked for because the last one was refused: a new one seldom helps, a new role may. */
export const freshTokenEveryMs = 10_000;

/** What a token is good for. */
export interface TokenLogin {
  readonly host: string;
  readonly port: number;
  readonly username: string;
}

/** What making tokens needs. */
export interface TokenPorts {
  readonly clock: Clock;
  /** The task's own region, for hosts whose name tells none. */
  readonly region: string;
  readonly credentials: () => Promise<TaskCredentials>;
}

interface Held {
  readonly token: Secret;
  readonly madeAt: EpochMs;
  readonly endsAt: EpochMs;
}

/** RDS IAM tokens of the task role, each kept until shortly before its end. Making one asks nobody: it is a signature. */
export class Tokens {
  readonly #ports: TokenPorts;
  readonly #held = new Map<string, Held>();

  constructor(ports: TokenPorts) {
    this.#ports = ports;
  }

  /** Tokens for one database user on one server. */
  source(login: TokenLogin): PasswordSource {
    return { isToken: true, get: (fresh) => this.#get(login, fresh) };
  }

  async #get(login: TokenLogin, fresh: boolean): Promise<Secret> {
    const key = JSON.stringify([login.host, login.port, login.username]);
    const now = this.#ports.clock.now();
    const held = this.#held.get(key);
    const goodFor = fresh ? freshTokenEveryMs : tokenLifeMs;
    // A clock that was set back makes a token one of the future, which no server takes.
    if (held !== undefined && held.madeAt <= now && now - held.madeAt < goodFor && now < held.endsAt - tokenMarginMs) {
      return held.token;
    }
    let credentials: TaskCredentials;
    try {
      credentials = await this.#ports.credentials();
    } catch (cause) {
      throw new UpstreamError(
        "SecretUnreadable",
        "the task role's credentials cannot be read, so no IAM token can be made; ask an administrator to check the proxy's task role",
        "08006",
        cause,
      ).because("credentials-missing");
    }
    const token = await signToken(login, regionOf(login.host) ?? this.#ports.region, credentials, new Date(now));
    // A token ends with the credentials that signed it.
    const endsAt = Math.min(now + tokenLifeMs, credentials.expiration?.getTime() ?? Infinity);
    this.#held.set(key, { token, madeAt: now, endsAt });
    return token;
  }
}

/**
 * Signs an RDS authentication token: a presigned request `GET https://host:port/?Action=connect&DBUser=…` of the service `rds-db`,
 * without its scheme. Source: AWS, "Connecting to your DB instance using IAM authentication"; botocore's `generate_db_auth_token`
 * makes the same one (tokens.test.ts).
 */
export async function signToken(
  login: TokenLogin,
  region: string,
  credentials: TaskCredentials,
  now: Date,
): Promise<Secret> {
  const { host, port, username } = login;
  const signer = new SignatureV4({ service: "rds-db", region, credentials, sha256: Sha256 });
  const request = new HttpRequest({
    method: "GET",
    protocol: "https:",
    hostname: host,
    port,
    path: "/",
    query: { Action: "connect", DBUser: username },
    headers: { host: `${host}:${port}` },
  });
  const { query = {} } = await signer.presign(request, { expiresIn: tokenLifeMs / 1_000, signingDate: now });
  const pairs = Object.entries(query).map(([name, value]) => `${encode(name)}=${encode(String(value))}`);
  return new Secret(`${host}:${port}/?${pairs.join("&")}`);
}

/** Percent-encoding as SigV4 wants it: all but the unreserved characters of RFC 3986. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The region in the name that RDS gives an instance, a cluster or an RDS proxy; undefined for another name. */
export function regionOf(host: string): string | undefined {
  return /\.([a-z]{2}(?:-[a-z]+)+-\d)\.rds\.amazonaws\.com(?:\.cn)?$/.exec(host.toLowerCase())?.[1];
}
