import type { Context } from "../context.ts";
import { uuid } from "../ids.ts";
import { optionalText, structure, structures, text, texts } from "../input.ts";
import { page } from "../paging.ts";
import { AwsError, type Operation } from "../service.ts";
import { type Group, groupByName, type Membership, type State } from "../state.ts";
import { groupShape, membershipShape, notFound, requiredGroup, requiredMember, requireStore } from "./shapes.ts";

/** Operations on groups and on who is in them. */
export function groupOperations(context: Context): Record<string, Operation> {
  const { state, clock, random } = context;
  const storeID = state.instance.identityStoreID;
  const newID = (): string => `${storeID.slice(2)}-${uuid(random)}`;
  return {
    GetGroupId(input) {
      requireStore(state, input);
      const unique = structure(structure(input, "AlternateIdentifier"), "UniqueAttribute");
      const path = text(unique, "AttributePath");
      if (path.toLowerCase() !== "displayname") {
        throw new AwsError("ValidationException", `The attribute path ${path} does not identify a group.`);
      }
      const group = groupByName(state, text(unique, "AttributeValue", { min: 1 }));
      if (group === undefined) {
        throw notFound("GROUP", "");
      }
      return { IdentityStoreId: storeID, GroupId: group.groupID };
    },
    DescribeGroup: (input) => groupShape(state, requiredGroup(state, input)),
    ListGroups(input) {
      requireStore(state, input);
      const wanted = structures(input, "Filters").map((filter) => text(filter, "AttributeValue").toLowerCase());
      const groups = [...state.groups.values()].filter((group) =>
        wanted.every((name) => group.displayName.toLowerCase() === name),
      );
      const { items, next } = page(groups, input);
      return { Groups: items.map((group) => groupShape(state, group)), NextToken: next };
    },
    CreateGroup(input) {
      requireStore(state, input);
      const displayName = text(input, "DisplayName", { min: 1, max: 1024 });
      if (groupByName(state, displayName) !== undefined) {
        throw duplicate("Duplicate GroupDisplayName");
      }
      const description = optionalText(input, "Description", { min: 1, max: 1024 }) ?? "";
      const group: Group = { groupID: newID(), displayName, description, createdAt: clock.now() };
      state.groups.set(group.groupID, group);
      return { IdentityStoreId: storeID, GroupId: group.groupID };
    },
    DeleteGroup(input) {
      const group = requiredGroup(state, input);
      state.groups.delete(group.groupID);
      for (const membership of membershipsOf(state, (one) => one.groupID === group.groupID)) {
        state.memberships.delete(membership.membershipID);
      }
      return {};
    },
    CreateGroupMembership(input) {
      const group = requiredGroup(state, input);
      const userID = requiredMember(state, input);
      if (find(state, group.groupID, userID) !== undefined) {
        throw duplicate("Member and Group relationship already exists");
      }
      const membership = { membershipID: newID(), groupID: group.groupID, userID, createdAt: clock.now() };
      state.memberships.set(membership.membershipID, membership);
      return { IdentityStoreId: storeID, MembershipId: membership.membershipID };
    },
    ...membershipOperations(state),
  };
}

function membershipOperations(state: State): Record<string, Operation> {
  return {
    DeleteGroupMembership(input) {
      state.memberships.delete(requiredMembership(state, input).membershipID);
      return {};
    },
    DescribeGroupMembership: (input) => membershipShape(state, requiredMembership(state, input)),
    GetGroupMembershipId(input) {
      const { groupID } = requiredGroup(state, input);
      const userID = requiredMember(state, input);
      const membership = find(state, groupID, userID);
      if (membership === undefined) {
        throw notFound("GROUP_MEMBERSHIP", "");
      }
      return { IdentityStoreId: state.instance.identityStoreID, MembershipId: membership.membershipID };
    },
    ListGroupMemberships(input) {
      const group = requiredGroup(state, input);
      return memberships(state, input, (one) => one.groupID === group.groupID);
    },
    ListGroupMembershipsForMember(input) {
      const userID = requiredMember(state, input);
      return memberships(state, input, (one) => one.userID === userID);
    },
    IsMemberInGroups(input) {
      const userID = requiredMember(state, input);
      const groupIDs = texts(input, "GroupIds", { min: 1, max: 47 });
      const unknown = groupIDs.find((groupID) => !state.groups.has(groupID));
      if (unknown !== undefined) {
        throw notFound("GROUP", unknown);
      }
      const Results = groupIDs.map((groupID) => ({
        GroupId: groupID,
        MemberId: { UserId: userID },
        MembershipExists: find(state, groupID, userID) !== undefined,
      }));
      return { Results };
    },
  };
}

function memberships(
  state: State,
  input: Record<string, unknown>,
  wanted: (membership: Membership) => boolean,
): Record<string, unknown> {
  const { items, next } = page(membershipsOf(state, wanted), input);
  return { GroupMemberships: items.map((one) => membershipShape(state, one)), NextToken: next };
}

function membershipsOf(state: State, wanted: (membership: Membership) => boolean): Membership[] {
  return [...state.memberships.values()].filter((membership) => wanted(membership));
}

function find(state: State, groupID: string, userID: string): Membership | undefined {
  return membershipsOf(state, (one) => one.groupID === groupID && one.userID === userID)[0];
}

function requiredMembership(state: State, input: Record<string, unknown>): Membership {
  requireStore(state, input);
  const membershipID = text(input, "MembershipId", { min: 1, max: 47 });
  const membership = state.memberships.get(membershipID);
  if (membership === undefined) {
    throw notFound("GROUP_MEMBERSHIP", membershipID);
  }
  return membership;
}

function duplicate(message: string): AwsError {
  return new AwsError("ConflictException", message, 400, { Reason: "UNIQUENESS_CONSTRAINT_VIOLATION" });
}
