import { describe, expect, it } from "vitest";
import type { Grant } from "#kinds/index.ts";
import type { ProvenIdentity } from "#wire/proof.ts";
import type { StoreUser } from "../../aws/ports.ts";
import { identify, type IdentityDirectory } from "./identify.ts";

const account = "111122223333";
const grantID = "gmztgmztgmztgmztgmztgmztgmy";
const ada: StoreUser = { userID: "u-ada", userName: "ada", displayName: "Ada Lovelace", status: "ENABLED" };

function proven(change: {
  permissionSet?: string;
  roleID?: string;
  accountID?: string;
  sessionName?: string;
}): ProvenIdentity {
  const accountID = change.accountID ?? account;
  const roleName = `AWSReservedSSO_${change.permissionSet ?? "sallyport"}_0123456789abcdef`;
  const sessionName = change.sessionName ?? "ada";
  const role = { accountID, roleName, sessionName };
  return { accountID, arn: "", roleID: change.roleID ?? "AROAIDENTITY", role };
}

function directory(change: Partial<IdentityDirectory> = {}): IdentityDirectory {
  const external = { accountID: account, roleID: "AROAGRANT", principalID: "u-ada" };
  return {
    accounts: () => new Set([account]),
    identityPermissionSet: "sallyport",
    identityRoleID: async () => "AROAIDENTITY",
    grantByID: (id) => (id === grantID ? ({ status: { external } } as unknown as Grant) : undefined),
    findUser: async (userName) => (userName === "ada" ? ada : undefined),
    groupsOf: async () => ["developers"],
    ...change,
  };
}

describe("identify", () => {
  it("knows a person by the identity permission set, and by their grant's own", async () => {
    const principal = { userName: "ada", userID: "u-ada", displayName: "Ada Lovelace", groups: ["developers"] };

    expect(await identify(proven({}), directory())).toEqual(principal);
    expect(await identify(proven({ permissionSet: grantID, roleID: "AROAGRANT" }), directory())).toEqual(principal);
  });

  it.each([
    ["an account that is not configured", proven({ accountID: "999988887777" }), directory()],
    ["a look-alike of the identity role", proven({ roleID: "AROALOOKALIKE" }), directory()],
    ["a look-alike of a grant's role", proven({ permissionSet: grantID, roleID: "AROALOOKALIKE" }), directory()],
    [
      "a grant's role in another configured account",
      proven({ permissionSet: grantID, roleID: "AROAGRANT", accountID: "222233334444" }),
      directory({ accounts: () => new Set([account, "222233334444"]) }),
    ],
    ["a permission set that belongs to no grant", proven({ permissionSet: "AdministratorAccess" }), directory()],
    ["a person who is unknown to the store", proven({ sessionName: "eve" }), directory()],
    ["a person who was disabled", proven({}), directory({ findUser: async () => ({ ...ada, status: "DISABLED" }) })],
    [
      "another person of the same name",
      proven({ permissionSet: grantID, roleID: "AROAGRANT" }),
      directory({ findUser: async () => ({ ...ada, userID: "u-new" }) }),
    ],
    ["an identity role that is not there", proven({}), directory({ identityRoleID: async () => undefined })],
  ])("refuses %s", async (_, identity, people) => {
    expect(await identify(identity, people)).toHaveProperty("notIdentified");
  });
});
