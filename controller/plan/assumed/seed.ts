import type { AnyObject } from "#kinds/index.ts";
import { policyFor } from "../../reconcile/grant/policy.ts";
import { creationTags, roleTags, windowTags } from "../../reconcile/grant/tags.ts";
import type { AssumedIdentityCenter } from "./identity-center.ts";

/** Puts into the assumed AWS what the status of Grants says was made for them, as it should be. */
export function seedGrants(center: AssumedIdentityCenter, objects: readonly AnyObject[], installation: string): void {
  for (const grant of objects) {
    const status = grant.kind === "Grant" ? grant.status : undefined;
    const external = status?.external;
    if (grant.kind !== "Grant" || status === undefined || external?.permissionSetARN === undefined) {
      continue;
    }
    const proxy = objects.find(
      (object) =>
        object.kind === "Proxy" &&
        object.metadata.namespace === grant.metadata.namespace &&
        object.metadata.name === status.target?.proxy,
    );
    if (status.deprovisionTime !== undefined || proxy?.kind !== "Proxy" || status.grantID === undefined) {
      continue;
    }
    const { permissionSetARN, accountID, principalID, instanceARN } = external;
    const tags = {
      ...creationTags(grant, status, installation),
      ...windowTags(status),
      ...roleTags(external),
    };
    center.seed(
      { arn: permissionSetARN, name: status.grantID, tags },
      policyFor(proxy, status.principal?.userName ?? "", instanceARN),
      { permissionSetARN, accountID, principalID },
    );
  }
}
