import type { SSOAdminClient } from "@aws-sdk/client-sso-admin";
import type { AccountLock } from "./account-lock.ts";
import { callAws, callAwsOptional } from "./errors.ts";
import type { Limiter } from "./limiter.ts";
import type { CallUrgency } from "./ports.ts";
import type { SharedReads } from "./shared-reads.ts";

/** What the sso-admin port is made of. `names` remembers the name of each permission set by ARN; names never change. */
export interface IdentityCenterParts {
  readonly client: SSOAdminClient;
  readonly instanceARN: string;
  readonly urgency: CallUrgency;
  readonly limiter: Limiter;
  readonly lock: AccountLock;
  readonly names: Map<string, string>;
  /** Listings that many ask for. */
  readonly shared: SharedReads;
}

/** One call of sso-admin, in its turn of the shared rate. */
export async function limited<T>(parts: IdentityCenterParts, operation: string, run: () => Promise<T>): Promise<T> {
  await parts.limiter.take(parts.urgency);
  return callAws(`sso:${operation}`, run);
}

/** As `limited`, of who has the account's turn. */
export async function limitedInTurn<T>(
  { limiter, urgency }: IdentityCenterParts,
  operation: string,
  run: () => Promise<T>,
): Promise<T> {
  await limiter.take(urgency === "revoke" ? "revoke" : "turn");
  return callAws(`sso:${operation}`, run);
}

/** As `limited`, with undefined for what does not exist. */
export async function limitedOptional<T>(
  parts: IdentityCenterParts,
  operation: string,
  run: () => Promise<T>,
): Promise<T | undefined> {
  await parts.limiter.take(parts.urgency);
  return callAwsOptional(`sso:${operation}`, run);
}
