import type { EpochMs } from "#lib/clock.ts";
import { type Random, uniqueID } from "./ids.ts";
import type { PolicyDocument } from "./service.ts";

/** Path of the roles that Identity Center makes. Nobody else can make a role there. */
export const reservedPath = "/aws-reserved/sso.amazonaws.com/";

/** An IAM role of one account. */
export interface Role {
  readonly accountID: string;
  readonly roleName: string;
  /** Starts and ends with `/`. */
  readonly path: string;
  /** `AROA…`; a role that is removed and made again gets a new one. */
  readonly roleID: string;
  readonly arn: string;
  readonly createdAt: EpochMs;
  readonly description: string;
  /** Trust policy. */
  readonly trust: PolicyDocument;
  /** Longest session, in seconds. */
  readonly maxSessionSeconds: number;
  /** What the role may do at this moment; `administrator` may do anything. */
  permissions: "administrator" | readonly PolicyDocument[];
  /** The permission set that it was provisioned from; undefined for ordinary roles. */
  readonly permissionSetARN: string | undefined;
}

/** What is needed to make a role. */
export interface NewRole {
  accountID: string;
  roleName: string;
  permissions: Role["permissions"];
  /** Absent: `/`. */
  path?: string;
  description?: string;
  trust?: PolicyDocument;
  /** Absent: 3600, as IAM. */
  maxSessionSeconds?: number;
  permissionSetARN?: string;
  /** Absent: a fresh one. */
  roleID?: string;
}

/** The IAM roles of all accounts. */
export interface RoleRegistry {
  /** Role by account and name; IAM compares names without case but we keep them exact. */
  get(accountID: string, roleName: string): Role | undefined;
  byID(roleID: string): Role | undefined;
  /** Role by `arn:aws:iam::<account>:role/<path><name>`. */
  byARN(arn: string): Role | undefined;
  /** Roles of one account under a path, by name. */
  list(accountID: string, pathPrefix?: string): Role[];
  create(role: NewRole): Role;
  remove(roleID: string): void;
}

/** Starts an empty registry. `now` gives creation times. */
export function createRoleRegistry(random: Random, now: () => EpochMs): RoleRegistry {
  const roles = new Map<string, Role>();
  const all = (): Role[] => [...roles.values()];
  return {
    get: (accountID, roleName) => all().find((role) => role.accountID === accountID && role.roleName === roleName),
    byID: (roleID) => roles.get(roleID),
    byARN: (arn) => all().find((role) => role.arn === arn),
    list: (accountID, pathPrefix = "/") =>
      all()
        .filter((role) => role.accountID === accountID && role.path.startsWith(pathPrefix))
        .sort((a, b) => (a.roleName < b.roleName ? -1 : 1)),
    create(wanted) {
      const path = wanted.path ?? "/";
      const role: Role = {
        accountID: wanted.accountID,
        roleName: wanted.roleName,
        path,
        roleID: wanted.roleID ?? uniqueID(random, "AROA"),
        arn: `arn:aws:iam::${wanted.accountID}:role${path}${wanted.roleName}`,
        createdAt: now(),
        description: wanted.description ?? "",
        trust: wanted.trust ?? { Version: "2012-10-17", Statement: [] },
        maxSessionSeconds: wanted.maxSessionSeconds ?? 3600,
        permissions: wanted.permissions,
        permissionSetARN: wanted.permissionSetARN,
      };
      roles.set(role.roleID, role);
      return role;
    },
    remove(roleID) {
      roles.delete(roleID);
    },
  };
}

/** How a session of a role looks in `GetCallerIdentity`: the path is not shown. */
export function assumedRoleARN(role: Role, sessionName: string): string {
  return `arn:aws:sts::${role.accountID}:assumed-role/${role.roleName}/${sessionName}`;
}
