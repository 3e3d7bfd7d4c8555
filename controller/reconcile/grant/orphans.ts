import type { Grant } from "#kinds/index.ts";
import { pause, type Clock } from "#lib/clock.ts";
import { isGrantID } from "#lib/grant-id.ts";
import { AwsFailure, type AwsPorts, type InstanceRef } from "../../aws/ports.ts";
import type { Source, Stored } from "../../source/source.ts";
import { phaseOf, type Phase } from "./phase.ts";
import { instancesIn, readSet, type LookAround } from "./recovery.ts";
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
  /** That very Grant is there, and nothing is on its record: it may be about to be approved, and then it takes the set and its window over. */
  readonly isClaimed: boolean;
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

/** Phases in which a Grant has no permission set. */
const unaccountable: readonly Phase[] = ["New", "Pending", "Ended"];

/** Finds the permission sets of this installation that belong to no Grant. Called at the start and hourly. */
export async function findOrphans(
  ports: AwsPorts,
  source: Pick<Source, "list">,
  { installation, regions, now }: LookAround,
): Promise<OrphanSweep> {
  const orphans: Orphan[] = [];
  for (const instance of await instancesIn(ports, regions)) {
    const tag = { key: tagKeys.installation, value: tagValue(installation) };
    // What a Grant has on record by now needs no look: of thousands of live sets none is asked for its tags.
    const onRecord = new Set(accountable(source).map(({ object }) => object.status?.external?.permissionSetARN ?? ""));
    const center = ports.identityCenter({ ...instance, urgency: "check" });
    const sets = await center.listTagged(tag, isGrantID, (arn) => onRecord.has(arn));
    // Read after the listing: a Grant whose set was made meanwhile is known by now. One that has ended accounts for nothing any
    // more: a set of it is what a stale answer of AWS made its revocation miss. Nor does one that was never approved, by what its
    // status says: the record comes before the set, so that its status was lost, and nobody would end that access.
    const known = new Set(accountable(source).map(({ object }) => object.metadata.uid));
    for (const set of sets) {
      const found = readSet(set, instance, now);
      const external = found?.status.external;
      if (found !== undefined && external !== undefined && !known.has(found.uid)) {
        orphans.push({
          instance,
          permissionSetARN: set.arn,
          name: set.name,
          accountID: external.accountID,
          principalID: external.principalID,
          grant: `${found.key.namespace}/${found.key.name}`,
          isClaimed: claims(source, found.uid),
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

/** Whether a Grant of this uid is there that was not approved, as far as it says. */
function claims(source: Pick<Source, "list">, uid: string): boolean {
  return source.list("Grant").some(({ object }) => object.metadata.uid === uid && phaseOf(object) !== "Ended");
}

/** The Grants that account for a permission set. */
function accountable(source: Pick<Source, "list">): readonly Stored<Grant>[] {
  return source.list("Grant").filter(({ object }) => !unaccountable.includes(phaseOf(object)));
}

/** How long one orphan's assignment may take to go; AWS takes seconds, up to minutes. What is left then is found again. */
export const orphanRemovalMaxMs = 120_000;
const pollMs = 500;

/**
 * Takes one orphan away: its assignment, and once that is confirmed to be gone, the set. Rejects with an AwsFailure, also
 * when the deletion failed or took too long; it can be called again.
 */
export async function removeOrphan(ports: AwsPorts, orphan: Orphan, clock: Clock): Promise<void> {
  const center = ports.identityCenter({ ...orphan.instance, urgency: "revoke" });
  const { permissionSetARN, accountID, principalID } = orphan;
  const assignments = await center.listAssignments(permissionSetARN, accountID);
  if (assignments.some((assignment) => assignment.principalID === principalID)) {
    const latest = clock.monotonicMs() + orphanRemovalMaxMs;
    let operation = await center.deleteAssignment({ permissionSetARN, accountID, principalID });
    while (operation.status === "IN_PROGRESS" && clock.monotonicMs() < latest) {
      await pause(clock, pollMs);
      operation = await center.assignmentDeletion(operation.requestID);
    }
    if (operation.status !== "SUCCEEDED") {
      const why = operation.failureReason ?? `it is ${operation.status}`;
      const message = `the assignment of ${orphan.name} could not be deleted: ${why}`;
      throw new AwsFailure("unavailable", "OperationFailed", "sso:DeleteAccountAssignment", message);
    }
  }
  await center.deletePermissionSet(permissionSetARN);
}
