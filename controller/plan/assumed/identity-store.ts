import { createHash } from "node:crypto";
import type { AnyObject } from "#kinds/index.ts";
import type { IdentityStorePort, StoreUser } from "../../aws/ports.ts";
import type { CallRecorder } from "../calls.ts";

/** Who is in the assumed Identity Store. */
export interface AssumedPeople {
  /** Everybody that a Grant names. */
  readonly names: () => readonly string[];
  readonly groups: () => readonly string[];
  /** User ID of a name: what a Grant's status has on record, else an invented one. */
  readonly idOf: (userName: string) => string;
}

/** People and groups as the objects name them. */
export function peopleIn(objects: () => readonly AnyObject[]): AssumedPeople {
  const grants = () => objects().flatMap((object) => (object.kind === "Grant" ? [object] : []));
  return {
    names: () => grants().map(({ spec }) => spec.principal.name),
    groups: () =>
      objects().flatMap((object) =>
        object.kind === "Availability"
          ? object.spec.subjects.flatMap(({ kind, name }) => (kind === "Group" ? [name] : []))
          : [],
      ),
    idOf: (userName) =>
      grants().find(({ status }) => status?.principal?.userName === userName)?.status?.principal?.userID ??
      inventedUserID(userName),
  };
}

/**
 * The Identity Store that a plan assumes where it may not ask the real one: everybody who is named exists, is enabled, and is a
 * member of every group. So a plan shows what would be done for people who are entitled.
 */
export function assumedIdentityStore(calls: CallRecorder, people: AssumedPeople): IdentityStorePort {
  const getUser = async (userID: string): Promise<StoreUser> => {
    calls.look("identitystore:DescribeUser");
    const userName = people.names().find((name) => people.idOf(name) === userID) ?? userID;
    return { userID, userName, displayName: userName, status: "ENABLED" };
  };
  return {
    getUser,
    async findUser(userName) {
      calls.look("identitystore:GetUserId", userName);
      return getUser(people.idOf(userName));
    },
    async groupsOf() {
      calls.look("identitystore:ListGroupMembershipsForMember");
      for (const name of people.groups()) {
        calls.look("identitystore:DescribeGroup", name);
      }
      return people.groups();
    },
  };
}

/** A user ID of the Identity Store's form, always the same for a name. */
function inventedUserID(userName: string): string {
  const hex = createHash("sha256").update(userName).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
