import { epochSeconds, type Input, structure, text } from "../input.ts";
import { AwsError } from "../service.ts";
import type { Group, Membership, Person, State } from "../state.ts";

/** Who the sandbox says made a record. */
const createdBy = "sandbox";

export function userShape(state: State, person: Person): Record<string, unknown> {
  return {
    ...person.attributes,
    IdentityStoreId: state.instance.identityStoreID,
    UserId: person.userID,
    UserName: person.userName,
    DisplayName: person.displayName,
    Name: { GivenName: person.givenName, FamilyName: person.familyName },
    ...(person.email === "" ? {} : { Emails: [{ Value: person.email, Type: "work", Primary: true }] }),
    ...(person.externalIDs.length === 0
      ? {}
      : { ExternalIds: person.externalIDs.map(({ issuer, id }) => ({ Issuer: issuer, Id: id })) }),
    UserStatus: person.status,
    CreatedAt: epochSeconds(person.createdAt),
    CreatedBy: createdBy,
    UpdatedAt: epochSeconds(person.updatedAt),
    UpdatedBy: createdBy,
  };
}

export function groupShape(state: State, group: Group): Record<string, unknown> {
  return {
    IdentityStoreId: state.instance.identityStoreID,
    GroupId: group.groupID,
    DisplayName: group.displayName,
    ...(group.description === "" ? {} : { Description: group.description }),
    CreatedAt: epochSeconds(group.createdAt),
    CreatedBy: createdBy,
  };
}

export function membershipShape(state: State, membership: Membership): Record<string, unknown> {
  return {
    IdentityStoreId: state.instance.identityStoreID,
    MembershipId: membership.membershipID,
    GroupId: membership.groupID,
    MemberId: { UserId: membership.userID },
    CreatedAt: epochSeconds(membership.createdAt),
    CreatedBy: createdBy,
  };
}

/** `ResourceNotFoundException` with the members that the identity store adds. */
export function notFound(type: "USER" | "GROUP" | "GROUP_MEMBERSHIP" | "IDENTITY_STORE", id: string): AwsError {
  return new AwsError("ResourceNotFoundException", `${type} not found.`, 400, { ResourceType: type, ResourceId: id });
}

/** Throws `ResourceNotFoundException` unless the input names the one identity store. */
export function requireStore(state: State, input: Input): void {
  const id = text(input, "IdentityStoreId", { min: 1, max: 36, pattern: /^(d-[0-9a-f]{10}|[0-9a-f-]{36})$/ });
  if (id !== state.instance.identityStoreID) {
    throw notFound("IDENTITY_STORE", id);
  }
}

export function requiredPerson(state: State, input: Input): Person {
  requireStore(state, input);
  const userID = text(input, "UserId", { min: 1, max: 47 });
  const person = state.people.get(userID);
  if (person === undefined) {
    throw notFound("USER", userID);
  }
  return person;
}

export function requiredGroup(state: State, input: Input): Group {
  requireStore(state, input);
  const groupID = text(input, "GroupId", { min: 1, max: 47 });
  const group = state.groups.get(groupID);
  if (group === undefined) {
    throw notFound("GROUP", groupID);
  }
  return group;
}

/** The user ID in `MemberId`, of a user that exists. */
export function requiredMember(state: State, input: Input): string {
  requireStore(state, input);
  const userID = text(structure(input, "MemberId"), "UserId", { min: 1, max: 47 });
  if (!state.people.has(userID)) {
    throw notFound("USER", userID);
  }
  return userID;
}
