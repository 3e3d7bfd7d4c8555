import type { LinkGrant } from "#wire/link.ts";
import type { PasswordSource } from "../upstream/target.ts";
import type { Passwords } from "./passwords.ts";
import type { Tokens } from "./tokens.ts";

/** The part of a grant, or of a backend on note, that says who logs in where. */
export type LoginTarget = Pick<LinkGrant, "database" | "role">;

/** Where a login's proof comes from: the role's secret, or, for a role without one, an RDS IAM token of the task role. */
export function credentialsOf(passwords: Passwords, tokens: Tokens): (target: LoginTarget) => PasswordSource {
  return ({ database: { host, port }, role: { username, secretARN } }) =>
    secretARN === undefined
      ? tokens.source({ host, port, username })
      : passwords.source({ secretARN, username, host, port });
}
