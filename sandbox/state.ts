import type { EpochMs } from "#lib/clock.ts";
import { createCredentialRegistry, type CredentialRegistry } from "./credentials.ts";
import { createEventLog, type EventLog, ObservedMap } from "./events.ts";
import type { Random } from "./ids.ts";
import { createRoleRegistry, type RoleRegistry } from "./roles.ts";
import type { Seed, SeedAccount, SeedDBCluster, SeedDBInstance } from "./seed.ts";

/** Everything the sandbox remembers. Its services change it; tests may read it, and change it to play a person at the console. */
export interface State {
  /** What happened so far to sets, assignments and roles, and which calls arrived. */
  readonly events: EventLog;
  readonly region: string;
  readonly instance: Instance;
  /** By account ID. */
  readonly accounts: Map<string, SeedAccount>;
  /** By user ID. */
  readonly people: Map<string, Person>;
  /** By group ID. */
  readonly groups: Map<string, Group>;
  /** By membership ID. */
  readonly memberships: Map<string, Membership>;
  /** By ARN. */
  readonly permissionSets: Map<string, PermissionSet>;
  /** Assignments in force; the key is `assignmentKey`. */
  readonly assignments: Map<string, Assignment>;
  readonly roles: RoleRegistry;
  readonly credentials: CredentialRegistry;
  /** By ARN. */
  readonly secrets: Map<string, SecretRecord>;
  readonly dbInstances: SeedDBInstance[];
  readonly dbClusters: SeedDBCluster[];
}

/** The Identity Center instance. */
export interface Instance {
  /** `arn:aws:sso:::instance/ssoins-…`. */
  readonly instanceARN: string;
  readonly instanceID: string;
  readonly identityStoreID: string;
  readonly accountID: string;
  readonly createdAt: EpochMs;
}

/** A user of the identity store. */
export interface Person {
  readonly userID: string;
  userName: string;
  displayName: string;
  givenName: string;
  familyName: string;
  email: string;
  status: "ENABLED" | "DISABLED";
  readonly externalIDs: { readonly issuer: string; readonly id: string }[];
  /** Other attributes as the API took them, such as `Title`. */
  readonly attributes: Record<string, unknown>;
  readonly createdAt: EpochMs;
  updatedAt: EpochMs;
}

export interface Group {
  readonly groupID: string;
  displayName: string;
  description: string;
  readonly createdAt: EpochMs;
}

export interface Membership {
  readonly membershipID: string;
  readonly groupID: string;
  readonly userID: string;
  readonly createdAt: EpochMs;
}

export interface PermissionSet {
  /** `arn:aws:sso:::permissionSet/ssoins-…/ps-…`. */
  readonly arn: string;
  readonly name: string;
  description: string | undefined;
  /** ISO 8601. */
  sessionDuration: string;
  relayState: string | undefined;
  /** JSON text as it was put; empty when there is none. */
  inlinePolicy: string;
  readonly managedPolicyARNs: Set<string>;
  readonly tags: Map<string, string>;
  readonly createdAt: EpochMs;
  /** Grows with each change that only takes effect when the set is provisioned again. */
  revision: number;
  /** Accounts that have a role of this set. */
  readonly provisioned: Map<string, Provisioned>;
}

/** A permission set as it was last written into one account. */
export interface Provisioned {
  readonly roleID: string;
  revision: number;
  /** Session length of that revision, in seconds. */
  sessionSeconds: number;
}

export interface Assignment {
  readonly accountID: string;
  readonly permissionSetARN: string;
  readonly principalType: "USER" | "GROUP";
  readonly principalID: string;
}

/** A secret of Secrets Manager. */
export interface SecretRecord {
  readonly arn: string;
  readonly accountID: string;
  readonly name: string;
  description: string | undefined;
  readonly tags: Map<string, string>;
  readonly createdAt: EpochMs;
  changedAt: EpochMs;
  /** By version ID. */
  readonly versions: Map<string, SecretVersion>;
}

export interface SecretVersion {
  readonly versionID: string;
  readonly secretString: string | undefined;
  /** Base64. */
  readonly secretBinary: string | undefined;
  /** `AWSCURRENT`, `AWSPREVIOUS`, … */
  readonly stages: Set<string>;
  readonly createdAt: EpochMs;
}

/** Identifies an assignment: account, set and principal, each of which can occur once together. */
export function assignmentKey(assignment: Assignment): string {
  const { accountID, permissionSetARN, principalType, principalID } = assignment;
  return [accountID, permissionSetARN, principalType, principalID].join("\n");
}

/** A state with nobody in it but the instance. `plantSeed` fills it. `events` is told of every change of sets, assignments and roles. */
export function emptyState(
  seed: Seed,
  random: Random,
  now: () => EpochMs,
  events: EventLog = createEventLog({ now, monotonicMs: now }),
): State {
  const roles = observedRoles(createRoleRegistry(random, now), events);
  const { instanceID, identityStoreID, accountID } = seed.identityCenter;
  return {
    events,
    region: seed.region,
    instance: {
      instanceARN: `arn:aws:sso:::instance/${instanceID}`,
      instanceID,
      identityStoreID,
      accountID,
      createdAt: now(),
    },
    accounts: new Map(seed.accounts.map((account) => [account.accountID, account])),
    people: new Map(),
    groups: new Map(),
    memberships: new Map(),
    permissionSets: observedSets(events),
    assignments: observedAssignments(events),
    roles,
    credentials: createCredentialRegistry(random, roles, now),
    secrets: new Map(),
    dbInstances: [...seed.dbInstances],
    dbClusters: [...seed.dbClusters],
  };
}

function observedSets(events: EventLog): Map<string, PermissionSet> {
  const about = ({ arn, name, tags }: PermissionSet) => ({ arn, name, tags: Object.fromEntries(tags) });
  return new ObservedMap(
    (set) => events.record({ kind: "set-created", ...about(set) }),
    (set) => events.record({ kind: "set-deleted", ...about(set) }),
  );
}

function observedAssignments(events: EventLog): Map<string, Assignment> {
  return new ObservedMap(
    (assignment, isNew) => events.record({ kind: "assigned", again: !isNew, ...assignment }),
    (assignment) => events.record({ kind: "unassigned", ...assignment }),
  );
}

function observedRoles(registry: RoleRegistry, events: EventLog): RoleRegistry {
  return {
    ...registry,
    create(wanted) {
      const role = registry.create(wanted);
      const { accountID, roleName, roleID } = role;
      events.record({ kind: "role-created", accountID, roleName, roleID });
      return role;
    },
    remove(roleID) {
      const role = registry.byID(roleID);
      registry.remove(roleID);
      if (role !== undefined) {
        events.record({ kind: "role-removed", accountID: role.accountID, roleName: role.roleName, roleID });
      }
    },
  };
}

/** The user of that name; names are compared without case, as the identity store does. */
export function personByName(state: State, userName: string): Person | undefined {
  const wanted = userName.toLowerCase();
  return [...state.people.values()].find((person) => person.userName.toLowerCase() === wanted);
}

export function groupByName(state: State, displayName: string): Group | undefined {
  const wanted = displayName.toLowerCase();
  return [...state.groups.values()].find((group) => group.displayName.toLowerCase() === wanted);
}

/** Whether an assignment is a person's own or reaches them through a group. */
export function appliesTo(state: State, assignment: Assignment, userID: string): boolean {
  if (assignment.principalType === "USER") {
    return assignment.principalID === userID;
  }
  return [...state.memberships.values()].some(
    (membership) => membership.groupID === assignment.principalID && membership.userID === userID,
  );
}
