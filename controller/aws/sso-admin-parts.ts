import type { SSOAdminClient } from "@aws-sdk/client-sso-admin";
import type { AccountLock } from "./account-lock.ts";
import { callAws, callAwsOptional, isFailure } from "./errors.ts";
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
export function limited<T>(parts: IdentityCenterParts, operation: string, run: () => Promise<T>): Promise<T> {
  return attempted(operation, async () => {
    await parts.limiter.take(parts.urgency);
    return callAws(`sso:${operation}`, run);
  });
}

/** As `limited`, of who has the account's turn. */
export function limitedInTurn<T>(
  { limiter, urgency }: IdentityCenterParts,
  operation: string,
  run: () => Promise<T>,
): Promise<T> {
  return attempted(operation, async () => {
    await limiter.take(urgency === "revoke" ? "revoke" : "turn");
    return callAws(`sso:${operation}`, run);
  });
}

/** As `limited`, with undefined for what does not exist. */
export function limitedOptional<T>(
  parts: IdentityCenterParts,
  operation: string,
  run: () => Promise<T>,
): Promise<T | undefined> {
  return attempted(operation, async () => {
    await parts.limiter.take(parts.urgency);
    return callAwsOptional(`sso:${operation}`, run);
  });
}

/**
 * How often a call is tried before its pass fails: as often as the SDKs do (AWS SDKs and Tools Reference Guide, "Retry behavior",
 * standard mode). A pass makes up to ten calls; were it given up at the first that a bad gateway swallows, one failing call in four
 * would leave a grant to the back-off's minutes. There is no pause between attempts: each waits for the limiter, which spaces all.
 */
const attemptsPerCall = 3;

/** Calls that have the same effect when made twice. */
const repeatable = /^(Describe|Get|List|TagResource$|PutInlinePolicyToPermissionSet$|DeletePermissionSet$)/;

/**
 * Tries a call until it is answered, as `attemptsPerCall` says. Where something else was to be created or started and a repetition is
 * refused, the refusal may be about what a lost answer brought about: then the first failure counts, and a later pass looks.
 */
async function attempted<T>(operation: string, attempt: () => Promise<T>): Promise<T> {
  let first: unknown;
  for (let left = attemptsPerCall; ; left -= 1) {
    try {
      return await attempt();
    } catch (thrown) {
      first ??= thrown;
      if (!isBrief(thrown)) {
        throw repeatable.test(operation) ? thrown : first;
      }
      if (left === 1) {
        throw thrown;
      }
    }
  }
}

/** Whether AWS failed at once. A call that was waited for until its time was over has cost its pass enough. */
function isBrief(thrown: unknown): boolean {
  return isFailure(thrown, "unavailable") && !["TimeoutError", "AbortError"].includes(thrown.code);
}
