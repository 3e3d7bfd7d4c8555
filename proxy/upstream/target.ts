import type { LookupFunction } from "node:net";
import type { Secret } from "#lib/secret.ts";
import type { DatabaseProblem } from "#wire/link.ts";

/** What the proxy last learned of a database, as the controller's Database status shows it. */
export type Health = "Reachable" | "Unreachable" | "SecretUnreadable" | "AuthenticationFailed" | "TLSRefused";

/** Why a database could not be reached. The message is shown to the person; it holds no secret. */
export class UpstreamError extends Error {
  readonly health: Exclude<Health, "Reachable">;
  /** SQLSTATE for the client. */
  readonly sqlState: string;
  #problem: DatabaseProblem | undefined;

  constructor(health: Exclude<Health, "Reachable">, message: string, sqlState = "08006", cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = "UpstreamError";
    this.health = health;
    this.sqlState = sqlState;
  }

  /** What exactly went wrong, where an administrator can be told what to do about it. */
  get problem(): DatabaseProblem | undefined {
    return this.#problem;
  }

  /** States what exactly went wrong. */
  because(problem: DatabaseProblem | undefined): this {
    this.#problem = problem;
    return this;
  }
}

/** The database server, and how its certificate is checked. Comes from the grant, never from the client. */
export interface UpstreamTarget {
  readonly host: string;
  readonly port: number;
  /**
   * The one server that is meant, where `host` is the name of several (an Aurora reader endpoint): its IP address. The certificate is
   * checked against `host` all the same. Absent: whichever the name leads to.
   */
  readonly address?: string;
  /** How the name is resolved; absent: as the system does. */
  readonly lookup?: LookupFunction | undefined;
  /** `VerifyFull`: authority and name; `VerifyCA`: authority only. There is no weaker mode. */
  readonly tlsMode: "VerifyFull" | "VerifyCA";
  /** Trusted authorities, PEM. */
  readonly authorities: readonly string[];
}

/** Who logs in to what. */
export interface UpstreamLogin {
  readonly username: string;
  readonly databaseName: string;
  readonly password: PasswordSource;
  /** Further startup parameters of the client, such as application_name. */
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Gives what a login proves itself with, for every engine: a password, or an RDS IAM token. Use it through `withPassword`, which
 * keeps the rule for refused ones. Throws `UpstreamError`.
 */
export interface PasswordSource {
  /**
   * It gives IAM tokens. A token is no password that two sides know: it is sent as it is, over verified TLS, and by no other
   * method (AWS: "IAM database authentication", which RDS asks for as cleartext, and mysql_clear_password). Absent: passwords.
   */
  readonly isToken?: boolean;
  /** `fresh` goes past the cache, since the database refused the last one; `refused` is that one, which is not tried again soon. */
  get(fresh: boolean, refused?: Secret): Promise<Secret>;
  /** The database let this one in. */
  accepted?(password: Secret): void;
}
