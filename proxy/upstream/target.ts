import type { Secret } from "#lib/secret.ts";

/** What the proxy last learned of a database, as the controller's Database status shows it. */
export type Health = "Reachable" | "Unreachable" | "SecretUnreadable" | "AuthenticationFailed" | "TLSRefused";

/** Why a database could not be reached. The message is shown to the person; it holds no secret. */
export class UpstreamError extends Error {
  readonly health: Exclude<Health, "Reachable">;
  /** SQLSTATE for the client. */
  readonly sqlState: string;

  constructor(health: Exclude<Health, "Reachable">, message: string, sqlState = "08006", cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = "UpstreamError";
    this.health = health;
    this.sqlState = sqlState;
  }
}

/** The database server, and how its certificate is checked. Comes from the grant, never from the client. */
export interface UpstreamTarget {
  readonly host: string;
  readonly port: number;
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

/** Gives the password. Throws `UpstreamError` with `SecretUnreadable`. */
export interface PasswordSource {
  /** `fresh` goes past any cache: the last one was refused. */
  get(fresh: boolean): Promise<Secret>;
}
