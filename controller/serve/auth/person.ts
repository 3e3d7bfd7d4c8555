import type { Person } from "#wire/control-api.ts";
import type { Groups } from "../app.ts";
import type { IdentityDirectory } from "./identify.ts";
import type { Principal } from "./tokens.ts";

/** The person of that name as the Identity Store has them now, groups included; undefined unless they are enabled. */
export async function readPerson(
  userName: string,
  directory: Pick<IdentityDirectory, "findUser" | "groupsOf">,
): Promise<Principal | undefined> {
  const user = await directory.findUser(userName);
  if (user === undefined || user.status !== "ENABLED") {
    return undefined;
  }
  const { userID, displayName } = user;
  return { userName: user.userName, userID, displayName, groups: await directory.groupsOf(userID) };
}

/**
 * A person as they are told of themselves, by the groups that they are in: administrators verify the trail too, but see nobody's statements by
 * that, so they are not told that they are auditors. Pure.
 */
export function personOf(principal: Principal, groups: Groups): Person {
  const has = (group: string | undefined): boolean => group !== undefined && principal.groups.includes(group);
  return {
    userName: principal.userName,
    userID: principal.userID,
    displayName: principal.displayName,
    roles: [
      ...(has(groups.auditors) ? (["auditor"] as const) : []),
      ...(has(groups.administrators) ? (["administrator"] as const) : []),
    ],
  };
}
