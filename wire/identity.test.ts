import { expect, it } from "vitest";
import { parseAssumedRole, permissionSetOfRole } from "./identity.ts";

it("reads the account, role and session of an assumed role, and of nothing else", () => {
  expect(parseAssumedRole("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_g1_0123456789abcdef/ada")).toEqual({
    accountID: "111122223333",
    roleName: "AWSReservedSSO_g1_0123456789abcdef",
    sessionName: "ada",
  });
  for (const arn of [
    "arn:aws:iam::111122223333:user/ada",
    "arn:aws:iam::111122223333:root",
    "arn:aws:sts::111122223333:assumed-role/a/b/c",
    "arn:aws:sts::111122223333:federated-user/ada",
    "x arn:aws:sts::111122223333:assumed-role/a/b",
  ]) {
    expect(parseAssumedRole(arn)).toBeUndefined();
  }
});

it("finds the permission set in a reserved role's name only where the whole form fits", () => {
  expect(permissionSetOfRole("AWSReservedSSO_my_set_0123456789abcdef")).toBe("my_set");
  expect(permissionSetOfRole("AWSReservedSSO_set_0123456789ABCDEF")).toBeUndefined();
  expect(permissionSetOfRole("xAWSReservedSSO_set_0123456789abcdef")).toBeUndefined();
  expect(permissionSetOfRole("AWSReservedSSO_set")).toBeUndefined();
});
