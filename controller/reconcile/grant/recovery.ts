import type { GrantSpec, GrantStatus } from "#kinds/index.ts";
import { grantIDOf, isGrantID } from "#lib/grant-id.ts";
import type { AwsPorts, InstanceRef, PermissionSet } from "../../aws/ports.ts";
import type { Recovered } from "../../source/source.ts";
import { decodeRecord, tagKeys, tagValue } from "./tags.ts";

/**
 * Asks AWS which Grants it remembers of this installation, for a source that has lost its state. What comes back is enough
 * to revoke, and to go on with the same window: a grant that was live keeps its activation and expiry; one that had ended
 * stays ended. What AWS does not remember: grants that had left nothing behind, and their tombstones.
 * @param region where Identity Center is
 */
export async function recoverGrants(
  ports: AwsPorts,
  { installation, region }: { readonly installation: string; readonly region: string },
): Promise<Recovered[]> {
  const recovered: Recovered[] = [];
  for (const instance of await ports.instances(region)) {
    const tag = { key: tagKeys.installation, value: tagValue(installation) };
    for (const set of await ports.identityCenter(instance).listTagged(tag, isGrantID)) {
      const grant = readSet(set, instance);
      if (grant !== undefined) {
        recovered.push(grant);
      }
    }
  }
  return recovered;
}

/** The Grant of one permission set; undefined where the tags do not say which, or the name is not that Grant's. */
export function readSet(set: PermissionSet, instance: InstanceRef): Recovered | undefined {
  const { tags } = set;
  const uid = tags[tagKeys.grantUID];
  const namespace = tags[tagKeys.namespace];
  const name = tags[tagKeys.name];
  if (uid === undefined || !isUUID(uid) || set.name !== grantIDOf(uid) || !namespace || !name) {
    return undefined;
  }
  const status: GrantStatus = {
    ...recordedStatus(set, instance),
    grantID: set.name,
    ...windowOf(tags),
    ...endOf(tags),
  };
  return { key: { kind: "Grant", namespace, name }, uid, status, spec: specOf(tags) };
}

function recordedStatus(set: PermissionSet, instance: InstanceRef): GrantStatus {
  const { tags } = set;
  const record = decodeRecord(tags) ?? {};
  const principalID = tags[tagKeys.principalID] ?? "";
  const userName = tags[tagKeys.person] ?? "";
  const { identityStoreID, instanceARN, region } = instance;
  return {
    // Without the record, the plain tags still say all that revoking needs.
    principal: { userID: principalID, userName },
    ...record,
    external: {
      accountID: tags[tagKeys.account] ?? "",
      principalID,
      ...record.external,
      ...roleOf(tags),
      identityStoreID,
      instanceARN,
      region,
      permissionSetARN: set.arn,
    },
  };
}

/** What the tags tell of the spec, to stand in for it until its text is read. */
function specOf(tags: Readonly<Record<string, string>>): Partial<GrantSpec> {
  const { [tagKeys.database]: database, [tagKeys.role]: roleName, [tagKeys.notAfter]: notAfterTime } = tags;
  return {
    ...(database === undefined ? {} : { databaseRef: { name: database } }),
    ...(roleName === undefined ? {} : { roleName }),
    ...(notAfterTime === undefined ? {} : { notAfterTime }),
  };
}

/** As it was when the access became live. Where it has changed since, the first look at AWS finds out. */
function roleOf(tags: Readonly<Record<string, string>>): { readonly roleID?: string; readonly roleName?: string } {
  const { [tagKeys.roleID]: roleID, [tagKeys.roleName]: roleName } = tags;
  return roleID === undefined || roleName === undefined ? {} : { roleID, roleName };
}

function windowOf(tags: Readonly<Record<string, string>>): GrantStatus {
  const { [tagKeys.activation]: activationTime, [tagKeys.expiry]: expiryTime } = tags;
  return activationTime === undefined || expiryTime === undefined
    ? {}
    : { activationTime, expiryTime, extensionCount: Number(tags[tagKeys.extensions] ?? 0) };
}

function endOf(tags: Readonly<Record<string, string>>): GrantStatus {
  const { [tagKeys.ended]: time, [tagKeys.endReason]: reason } = tags;
  return time === undefined
    ? {}
    : {
        endTime: time,
        end: { time, reason: reason ?? "Revoked", message: "The access had ended when the state was lost." },
      };
}

function isUUID(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}
