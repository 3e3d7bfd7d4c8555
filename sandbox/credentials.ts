import type { EpochMs } from "#lib/clock.ts";
import { iamCharacters, type Random } from "./ids.ts";
import { assumedRoleARN, type Role, type RoleRegistry } from "./roles.ts";
import type { Caller } from "./service.ts";

/** Who credentials speak for. */
export interface CredentialIdentity {
  readonly accountID: string;
  /** As `GetCallerIdentity` shows it. */
  readonly arn: string;
  /** As `GetCallerIdentity` shows it. */
  readonly userID: string;
  /** With its path; absent for an IAM user. */
  readonly roleARN?: string;
  /** Read again for each call. */
  readonly permissions: Caller["permissions"];
  /** Undefined: long-term keys (`AKIA…`, no session token). */
  readonly expiresAt: EpochMs | undefined;
}

/** Credentials as they are handed out. They open the sandbox only, so they are plain strings. */
export interface IssuedCredentials {
  readonly accessKeyID: string;
  readonly secretAccessKey: string;
  /** Present for credentials that expire. */
  readonly sessionToken?: string;
  readonly expiresAt: EpochMs | undefined;
}

/** Credentials together with who they speak for. */
export type CredentialRecord = IssuedCredentials & CredentialIdentity;

/** All access keys that the sandbox has issued. */
export interface CredentialRegistry {
  mint(identity: CredentialIdentity): IssuedCredentials;
  /**
   * Credentials of an assumed-role session: ARN `…:assumed-role/<role>/<sessionName>`, user ID `<AROA…>:<sessionName>`.
   * Their rights are the role's at the moment of each call; once the role is removed they have none, yet stay valid until they expire.
   */
  mintForRole(role: Role, sessionName: string, expiresAt: EpochMs): IssuedCredentials;
  find(accessKeyID: string): CredentialRecord | undefined;
}

/**
 * How long expired keys are remembered, in ms: long enough to answer `ExpiredToken` to anyone who still has them (the
 * longest session is 12 hours), and an upper bound on what a long-running sandbox keeps.
 */
export const expiredKeptMs = 24 * 3_600_000;

/** Starts an empty registry. */
export function createCredentialRegistry(random: Random, roles: RoleRegistry, now: () => EpochMs): CredentialRegistry {
  const records = new Map<string, CredentialRecord>();
  const mint = (identity: CredentialIdentity): IssuedCredentials => {
    forgetOld(records, now());
    const temporary = identity.expiresAt !== undefined;
    const issued: IssuedCredentials = {
      accessKeyID: (temporary ? "ASIA" : "AKIA") + iamCharacters(random, 16),
      secretAccessKey: Buffer.from(random(30)).toString("base64"),
      ...(temporary ? { sessionToken: Buffer.from(random(180)).toString("base64") } : {}),
      expiresAt: identity.expiresAt,
    };
    records.set(issued.accessKeyID, { ...identity, ...issued });
    return issued;
  };
  return {
    mint,
    mintForRole: (role, sessionName, expiresAt) =>
      mint({
        accountID: role.accountID,
        arn: assumedRoleARN(role, sessionName),
        userID: `${role.roleID}:${sessionName}`,
        roleARN: role.arn,
        permissions: () => roles.byID(role.roleID)?.permissions ?? [],
        expiresAt,
      }),
    find: (accessKeyID) => records.get(accessKeyID),
  };
}

function forgetOld(records: Map<string, CredentialRecord>, now: EpochMs): void {
  for (const [accessKeyID, record] of records) {
    if (record.expiresAt !== undefined && record.expiresAt + expiredKeptMs < now) {
      records.delete(accessKeyID);
    }
  }
}
