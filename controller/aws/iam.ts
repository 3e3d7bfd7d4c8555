import { GetRoleCommand, ListRolesCommand, type IAMClient, type Role } from "@aws-sdk/client-iam";
import { callAws, callAwsOptional } from "./errors.ts";
import type { AccountPort } from "./ports.ts";

/**
 * Where Identity Center puts its roles; nobody else can create one there. Instances outside us-east-1 add their region as
 * a further segment (IAM Identity Center user guide, "Referencing permission sets in resource policies").
 */
export const reservedRolePath = "/aws-reserved/sso.amazonaws.com/";

/** The IAM calls of the account port. */
export function iamCalls(client: IAMClient): Pick<AccountPort, "findReservedRole" | "getRole"> {
  return {
    async findReservedRole(permissionSetName) {
      const found: Role[] = [];
      let marker: string | undefined;
      do {
        const Marker = marker === undefined ? {} : { Marker: marker };
        const answer = await callAws("iam:ListRoles", () =>
          client.send(new ListRolesCommand({ PathPrefix: reservedRolePath, MaxItems: 1_000, ...Marker })),
        );
        found.push(...(answer.Roles ?? []).filter((role) => isRoleOf(role, permissionSetName)));
        marker = answer.IsTruncated === true ? answer.Marker : undefined;
      } while (marker !== undefined);
      // A role that is being removed may be listed beside its successor: the newest is the one in force.
      const newest = found.sort((a, b) => Number(b.CreateDate ?? 0) - Number(a.CreateDate ?? 0))[0];
      return newest === undefined ? undefined : roleView(newest);
    },
    async getRole(RoleName) {
      const answer = await callAwsOptional("iam:GetRole", () => client.send(new GetRoleCommand({ RoleName })));
      return answer?.Role === undefined ? undefined : roleView(answer.Role);
    },
  };
}

/** `AWSReservedSSO_<permission set>_<16 hex>` under the reserved path. */
function isRoleOf(role: Role, permissionSetName: string): boolean {
  const prefix = `AWSReservedSSO_${permissionSetName}_`;
  return (
    role.Path?.startsWith(reservedRolePath) === true &&
    role.RoleName?.startsWith(prefix) === true &&
    /^[0-9a-f]{16}$/.test(role.RoleName.slice(prefix.length))
  );
}

function roleView(role: Role): { readonly roleName: string; readonly roleID: string } | undefined {
  return role.RoleName === undefined || role.RoleId === undefined
    ? undefined
    : { roleName: role.RoleName, roleID: role.RoleId };
}
