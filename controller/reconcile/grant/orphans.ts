import { isGrantID } from "#lib/grant-id.ts";
import type { AwsPorts, InstanceRef } from "../../aws/ports.ts";
import type { Source } from "../../source/source.ts";
import { readSet } from "./recovery.ts";
import { tagKeys, tagValue } from "./tags.ts";

/** A permission set of this installation that no Grant accounts for. */
export interface Orphan {
  readonly instance: InstanceRef;
  readonly permissionSetARN: string;
  /** Name of the set, a grant ID. */
  readonly name: string;
  readonly accountID: string;
  readonly principalID: string;
  /** `namespace/name` of the Grant that it was made for. */
  readonly grant: string;
}

/** What a sweep found. */
export interface OrphanSweep {
  readonly orphans: readonly Orphan[];
  /** Why nothing may be removed without a person's word; undefined where `removeOrphan` may be called for each. */
  readonly held: string | undefined;
}

/**
 * More than this many at once are not crumbs of a crash but a sign that the controller looks at the wrong source: another
 * state directory, an empty folder, a second controller with the same installation name.
 */
export const orphansRemovedMax = 5;

/** Finds the permission sets of this installation that belong to no Grant. Called at the start and hourly. */
export async function findOrphans(
  ports: AwsPorts,
  source: Pick<Source, "list">,
  { installation, region }: { readonly installation: string; readonly region: string },
): Promise<OrphanSweep> {
  const orphans: Orphan[] = [];
  for (const instance of await ports.instances(region)) {
    const tag = { key: tagKeys.installation, value: tagValue(installation) };
    const sets = await ports.identityCenter(instance).listTagged(tag, isGrantID);
    // Read after the listing: a Grant whose set was made meanwhile is known by now.
    const known = new Set(source.list("Grant").map(({ object }) => object.metadata.uid));
    for (const set of sets) {
      const found = readSet(set, instance);
      const external = found?.status.external;
      if (found !== undefined && external !== undefined && !known.has(found.uid)) {
        orphans.push({
          instance,
          permissionSetARN: set.arn,
          name: set.name,
          accountID: external.accountID,
          principalID: external.principalID,
          grant: `${found.key.namespace}/${found.key.name}`,
        });
      }
    }
  }
  const held =
    orphans.length > orphansRemovedMax
      ? `${orphans.length} permission sets of the installation ${installation} belong to no Grant here; at most ${orphansRemovedMax} are removed without being asked. Is this the right folder and state directory?`
      : undefined;
  return { orphans, held };
}

/**
 * Takes one orphan away: its assignment, then, once nothing is assigned any more, the set. Answers whether it is gone; until
 * then it is called again. Rejects with an AwsFailure.
 */
export async function removeOrphan(ports: AwsPorts, orphan: Orphan): Promise<boolean> {
  const center = ports.identityCenter({ ...orphan.instance, urgency: "revoke" });
  const { permissionSetARN, accountID, principalID } = orphan;
  const assignments = await center.listAssignments(permissionSetARN, accountID);
  if (assignments.some((assignment) => assignment.principalID === principalID)) {
    const operation = await center.deleteAssignment({ permissionSetARN, accountID, principalID });
    await center.assignmentDeletion(operation.requestID);
    return false;
  }
  await center.deletePermissionSet(permissionSetARN);
  return true;
}
