import type { Grant } from "#kinds/index.ts";
import { isGrantID } from "#lib/grant-id.ts";
import { permissionSetOfRole } from "#wire/identity.ts";
import type { ProvenIdentity } from "#wire/proof.ts";
import type { StoreUser } from "../../aws/ports.ts";
import { readPerson } from "./person.ts";
import type { Principal } from "./tokens.ts";

/** What identifying a person needs to look up. Every method may reject; the sign-in then fails, and is safe to repeat. */
export interface IdentityDirectory {
  /** Accounts in which proofs count: those of the Proxies, and the account of the identity permission set. */
  accounts(): ReadonlySet<string>;
  /** Name of the permission set that every person holds and that allows nothing. */
  readonly identityPermissionSet: string;
  /** The unique role id of the identity permission set's role in that account, as read from IAM. */
  identityRoleID(accountID: string): Promise<string | undefined>;
  grantByID(grantID: string): Grant | undefined;
  findUser(userName: string): Promise<StoreUser | undefined>;
  groupsOf(userID: string): Promise<readonly string[]>;
}

/** Why somebody with a valid AWS identity is not let in. The sentence may be shown to them. */
export interface NotIdentified {
  readonly notIdentified: string;
}

/**
 * Who a proven AWS identity is. It counts only from a configured account, only when its role is one that Identity Center
 * made (compared by the role's unique id, which a look-alike name cannot copy), and only for a person who is enabled in
 * the Identity Store now and, for a grant's role, is the very user that was pinned.
 */
export async function identify(
  proven: ProvenIdentity,
  directory: IdentityDirectory,
): Promise<Principal | NotIdentified> {
  const { accountID, roleID, role } = proven;
  if (!directory.accounts().has(accountID)) {
    return { notIdentified: `AWS account ${accountID} is not one of this installation's` };
  }
  const permissionSet = permissionSetOfRole(role.roleName);
  if (permissionSet === undefined) {
    return { notIdentified: `the role ${role.roleName} does not come from IAM Identity Center` };
  }
  const pinned = await expectedRole(permissionSet, accountID, directory);
  if (pinned === undefined) {
    return { notIdentified: `the permission set ${permissionSet} belongs to no grant of this installation` };
  }
  if (pinned.roleID !== roleID) {
    return { notIdentified: `the role ${role.roleName} is not the one that IAM Identity Center made` };
  }
  const person = await readPerson(role.sessionName, directory);
  if (person === undefined) {
    return { notIdentified: `${role.sessionName} is not an enabled user of the Identity Store` };
  }
  if (pinned.userID !== undefined && pinned.userID !== person.userID) {
    return { notIdentified: `the grant ${permissionSet} belongs to another person` };
  }
  return person;
}

async function expectedRole(
  permissionSet: string,
  accountID: string,
  directory: IdentityDirectory,
): Promise<{ roleID: string; userID?: string } | undefined> {
  if (permissionSet === directory.identityPermissionSet) {
    const roleID = await directory.identityRoleID(accountID);
    return roleID === undefined ? undefined : { roleID };
  }
  const status = isGrantID(permissionSet) ? directory.grantByID(permissionSet)?.status : undefined;
  const external = status?.external;
  if (external?.roleID === undefined || external.accountID !== accountID) {
    return undefined;
  }
  return { roleID: external.roleID, userID: external.principalID };
}
