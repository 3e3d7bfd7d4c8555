import { addAssignment } from "./identity-center/provisioning.ts";
import { type Random, randomFrom, uuid, identityCenterSuffix, uniqueID } from "./ids.ts";
import { plantSecret } from "./secretsmanager/secrets.ts";
import type { PolicyStatement } from "./service.ts";
import type { Seed, SeedAssignment, SeedPermissionSet } from "./seed.ts";
import { type Assignment, groupByName, type PermissionSet, personByName, type State } from "./state.ts";

/**
 * Puts the seed's people, sets, roles and secrets into an empty state. Their identifiers depend on their names alone, so that
 * they are the same on every start. Throws when the seed names somebody or something that it does not define.
 */
export function plantSeed(state: State, seed: Seed, random: Random, now: number): void {
  plantPeople(state, seed, now);
  for (const role of seed.roles) {
    state.roles.create({
      accountID: role.accountID,
      roleName: role.roleName,
      ...(role.path === undefined ? {} : { path: role.path }),
      permissions: role.permissions,
      roleID: uniqueID(randomFrom(`role ${role.accountID} ${role.roleName}`), "AROA"),
      trust: {
        Version: "2012-10-17",
        Statement: [
          { Effect: "Allow", Principal: { Service: role.trustedService }, Action: "sts:AssumeRole" },
          ...(role.trusted === undefined ? [] : [trustOf(role.trusted, role.externalID)]),
        ],
      },
    });
  }
  for (const set of seed.permissionSets) {
    plantPermissionSet(state, seed, set, random, now);
  }
  for (const secret of seed.secrets) {
    plantSecret(state, now, secret);
  }
}

function trustOf(trusted: readonly string[], externalID: string | undefined): PolicyStatement {
  return {
    Effect: "Allow",
    Principal: { AWS: trusted },
    Action: "sts:AssumeRole",
    ...(externalID === undefined ? {} : { Condition: { StringEquals: { "sts:ExternalId": externalID } } }),
  };
}

function plantPeople(state: State, seed: Seed, now: number): void {
  const prefix = seed.identityCenter.identityStoreID.slice(2);
  const idOf = (what: string): string => `${prefix}-${uuid(randomFrom(what))}`;
  for (const one of seed.people) {
    const userID = idOf(`user ${one.userName}`);
    const { userName, displayName, givenName, familyName, email, status = "ENABLED" } = one;
    const name = { userName, displayName, givenName, familyName, email, status };
    state.people.set(userID, { userID, ...name, externalIDs: [], attributes: {}, createdAt: now, updatedAt: now });
  }
  for (const { displayName, description = "", members } of seed.groups) {
    const groupID = idOf(`group ${displayName}`);
    state.groups.set(groupID, { groupID, displayName, description, createdAt: now });
    for (const userName of members) {
      const userID = known(personByName(state, userName)?.userID, `person ${userName}`);
      const membershipID = idOf(`membership ${displayName} ${userName}`);
      state.memberships.set(membershipID, { membershipID, groupID, userID, createdAt: now });
    }
  }
}

function plantPermissionSet(state: State, seed: Seed, wanted: SeedPermissionSet, random: Random, now: number): void {
  const suffix = identityCenterSuffix(randomFrom(`permission set ${wanted.name}`));
  const set: PermissionSet = {
    arn: `arn:aws:sso:::permissionSet/${state.instance.instanceID}/ps-${suffix}`,
    name: wanted.name,
    description: wanted.description,
    sessionDuration: wanted.sessionDuration ?? "PT1H",
    relayState: undefined,
    inlinePolicy: wanted.inlinePolicy === undefined ? "" : JSON.stringify(wanted.inlinePolicy),
    managedPolicyARNs: new Set(wanted.managedPolicyARNs),
    tags: new Map(Object.entries(wanted.tags ?? {})),
    createdAt: now,
    revision: 1,
    provisioned: new Map(),
  };
  state.permissionSets.set(set.arn, set);
  for (const assignment of wanted.assignments) {
    for (const principal of principalsOf(state, seed, assignment)) {
      const accountID = known(state.accounts.get(assignment.accountID)?.accountID, `account ${assignment.accountID}`);
      addAssignment(state, random, { accountID, permissionSetARN: set.arn, ...principal });
    }
  }
}

function principalsOf(
  state: State,
  seed: Seed,
  assignment: SeedAssignment,
): Pick<Assignment, "principalType" | "principalID">[] {
  if ("groupName" in assignment) {
    const { groupName } = assignment;
    return [
      { principalType: "GROUP", principalID: known(groupByName(state, groupName)?.groupID, `group ${groupName}`) },
    ];
  }
  const userNames = "everyone" in assignment ? seed.people.map((one) => one.userName) : [assignment.userName];
  return userNames.map((userName) => ({
    principalType: "USER",
    principalID: known(personByName(state, userName)?.userID, `person ${userName}`),
  }));
}

function known(id: string | undefined, what: string): string {
  if (id === undefined) {
    throw new Error(`the seed speaks of ${what}, which it does not define`);
  }
  return id;
}
