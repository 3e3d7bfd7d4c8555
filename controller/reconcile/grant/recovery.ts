import { apiVersion, type AnyObject, type GrantSpec, type GrantStatus } from "#kinds/index.ts";
import { validateObject } from "#kinds/validate.ts";
import { grantIDOf, isGrantID } from "#lib/grant-id.ts";
import type { AwsPorts, InstanceRef, PermissionSet } from "../../aws/ports.ts";
import type { Recovered } from "../../source/source.ts";
import type { EpochMs } from "#lib/clock.ts";
import { decodeRecord, endFromTags, isInstant, tagKeys, tagValue, windowFromTags, type GrantRecord } from "./tags.ts";

/** Where to look for what an installation has made. */
export interface LookAround {
  readonly installation: string;
  /** Regions in which Identity Center may be: an instance answers in its own alone, which need not be the controller's. */
  readonly regions: ReadonlySet<string>;
  readonly now: EpochMs;
}

/** The regions that the Proxies among `objects` name, and the controller's own. */
export function identityCenterRegions(objects: readonly AnyObject[], own: string): ReadonlySet<string> {
  const named = objects.flatMap((object) => (object.kind === "Proxy" ? [object.spec.identityCenter.region] : []));
  return new Set([own, ...named]);
}

/** All instances of Identity Center in these regions. */
export async function instancesIn(ports: AwsPorts, regions: ReadonlySet<string>): Promise<InstanceRef[]> {
  const found = new Map<string, InstanceRef>();
  for (const region of regions) {
    for (const instance of await ports.instances(region)) {
      found.set(instance.instanceARN, found.get(instance.instanceARN) ?? instance);
    }
  }
  return [...found.values()];
}

/**
 * Asks AWS which Grants it remembers of this installation, for a source that has lost its state. What comes back is enough
 * to revoke, and to go on with the same window: a grant that was live keeps its activation and expiry; one that had ended
 * stays ended. What AWS does not remember: grants that had left nothing behind, and their tombstones.
 */
export async function recoverGrants(ports: AwsPorts, { installation, regions, now }: LookAround): Promise<Recovered[]> {
  const recovered: Recovered[] = [];
  for (const instance of await instancesIn(ports, regions)) {
    const tag = { key: tagKeys.installation, value: tagValue(installation) };
    for (const set of await ports.identityCenter(instance).listTagged(tag, isGrantID)) {
      const grant = readSet(set, instance, now);
      if (grant !== undefined) {
        recovered.push(grant);
      }
    }
  }
  return recovered;
}

/** The Grant of one permission set; undefined where the tags do not say which, or the name is not that Grant's. */
export function readSet(set: PermissionSet, instance: InstanceRef, now: EpochMs): Recovered | undefined {
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
    ...windowFromTags(tags, now),
    ...endFromTags(tags, now),
  };
  return { key: { kind: "Grant", namespace, name }, uid, status, spec: specOf(tags) };
}

function recordedStatus(set: PermissionSet, instance: InstanceRef): GrantStatus {
  const { tags } = set;
  const record = recordIn(tags);
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

/** The record, unless it is missing, damaged, or no legal status: whoever may tag permission sets can write there. */
function recordIn(tags: Readonly<Record<string, string>>): GrantRecord {
  const record = decodeRecord(tags);
  const name = "recovered";
  const spec = {
    principal: { name },
    databaseRef: { name },
    roleName: name,
    durationSeconds: 60,
    notAfterTime: "2000-01-01T00:00:00Z",
  };
  const probe = { apiVersion, kind: "Grant", metadata: { name }, spec, status: record };
  if (record === undefined || validateObject(probe).problems !== undefined) {
    return {};
  }
  // Only what a record is made of: a window or an end that somebody slipped in is not.
  const { requestTime, approvalTime, approvalKind, availability, workflow, principal, target, external } = record;
  const picked = { requestTime, approvalTime, approvalKind, availability, workflow, principal, target, external };
  return Object.fromEntries(Object.entries(picked).filter(([, value]) => value !== undefined));
}

/** What the tags tell of the spec, to stand in for it until its text is read. */
function specOf(tags: Readonly<Record<string, string>>): Partial<GrantSpec> {
  const { [tagKeys.database]: database, [tagKeys.role]: roleName, [tagKeys.notAfter]: notAfterTime } = tags;
  return {
    ...(database === undefined ? {} : { databaseRef: { name: database } }),
    ...(roleName === undefined ? {} : { roleName }),
    ...(isInstant(notAfterTime) ? { notAfterTime } : {}),
  };
}

/** As it was when the access became live. Where it has changed since, the first look at AWS finds out. */
function roleOf(tags: Readonly<Record<string, string>>): { readonly roleID?: string; readonly roleName?: string } {
  const { [tagKeys.roleID]: roleID, [tagKeys.roleName]: roleName } = tags;
  return roleID === undefined || roleName === undefined ? {} : { roleID, roleName };
}

function isUUID(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}
