import type { Context } from "../context.ts";
import { type Input, optionalText, text } from "../input.ts";
import { markerPaging, page } from "../paging.ts";
import type { Role } from "../roles.ts";
import { AwsError, type Call, type Operation, type Service } from "../service.ts";

/** IAM, as far as the controller reads it: roles of the caller's account. */
export function iamService(context: Context): Service {
  return {
    signingName: "iam",
    protocol: "query",
    target: "2010-05-08",
    xmlNamespace: "https://iam.amazonaws.com/doc/2010-05-08/",
    signingRegions: ["us-east-1"],
    operations: { GetRole: getRole(context), ListRoles: listRoles(context) },
    mutating: [],
  };
}

function getRole({ reads, authorize }: Context): Operation {
  return (input, call) => {
    const roleName = text(input, "RoleName", { min: 1, max: 64, pattern: /^[\w+=,.@-]+$/ });
    const role = reads.view().roles.get(accountOf(call), roleName);
    authorize(call, "iam:GetRole", role?.arn ?? `arn:aws:iam::${accountOf(call)}:role/${roleName}`);
    if (role === undefined) {
      throw new AwsError("NoSuchEntity", `The role with name ${roleName} cannot be found.`, 404);
    }
    return { Role: { ...shape(role), RoleLastUsed: {} } };
  };
}

function listRoles({ reads, authorize }: Context): Operation {
  return (input: Input, call) => {
    const prefix = optionalText(input, "PathPrefix", { min: 1, max: 512, pattern: /^\/[\u0021-\u007F]*$/ }) ?? "/";
    authorize(call, "iam:ListRoles", `arn:aws:iam::${accountOf(call)}:role${prefix}`);
    const { items, next } = page(reads.view().roles.list(accountOf(call), prefix), input, markerPaging, 1000);
    return { Roles: items.map((role) => shape(role)), IsTruncated: next !== undefined, Marker: next };
  };
}

function shape(role: Role): Record<string, unknown> {
  return {
    Path: role.path,
    RoleName: role.roleName,
    RoleId: role.roleID,
    Arn: role.arn,
    CreateDate: `${new Date(role.createdAt).toISOString().slice(0, 19)}Z`,
    // IAM writes policies percent-encoded.
    AssumeRolePolicyDocument: encodeURIComponent(JSON.stringify(role.trust)),
    ...(role.description === "" ? {} : { Description: role.description }),
    MaxSessionDuration: role.maxSessionSeconds,
  };
}

function accountOf(call: Call): string {
  return call.caller?.accountID ?? "";
}
