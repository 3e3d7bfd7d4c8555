import type { Clock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import { AwsFailure, type AwsPorts } from "../aws/ports.ts";
import { findOrphans, type Orphan, removeOrphan } from "../reconcile/grant/orphans.ts";

/** Where to look. */
export interface LeftoversPlace {
  readonly ports: AwsPorts;
  readonly installation: string;
  /** Regions in which Identity Center may be. */
  readonly regions: ReadonlySet<string>;
  readonly clock: Clock;
}

/** Something that an installation has in AWS and that gives, or may give, somebody access. */
export interface Leftover {
  /** Name of the permission set: the grant's ID. */
  readonly grantID: string;
  /** `namespace/name` of the Grant that it was made for. */
  readonly grant: string;
  readonly accountID: string;
  /** Identity Store user ID of the person. */
  readonly principalID: string;
  readonly permissionSetARN: string;
}

/** What became of one. */
export interface RemovedLeftover extends Leftover {
  readonly removed: boolean;
  /** Why it is still there. */
  readonly message?: string;
}

/** Every permission set with the installation's tag, whatever Grants there are. Throws a `UserError` where AWS cannot be asked. */
export async function leftoversInAws(place: LeftoversPlace): Promise<Leftover[]> {
  return (await find(place)).map(viewOf);
}

/** Takes all of that away: assignment, then permission set. One that cannot be removed keeps none of the others. */
export async function removeLeftovers(place: LeftoversPlace): Promise<RemovedLeftover[]> {
  const results: RemovedLeftover[] = [];
  for (const orphan of await find(place)) {
    try {
      await removeOrphan(place.ports, orphan, place.clock);
      results.push({ ...viewOf(orphan), removed: true });
    } catch (thrown) {
      if (!(thrown instanceof AwsFailure)) {
        throw thrown;
      }
      results.push({ ...viewOf(orphan), removed: false, message: thrown.message });
    }
  }
  return results;
}

async function find({ ports, installation, regions, clock }: LeftoversPlace): Promise<readonly Orphan[]> {
  try {
    // As if no Grant were there: then all that the installation has made is left over.
    const noGrants = { list: () => [] };
    return (await findOrphans(ports, noGrants, { installation, regions, now: clock.now() })).orphans;
  } catch (thrown) {
    if (!(thrown instanceof AwsFailure)) {
      throw thrown;
    }
    throw new UserError("AwsUnreadable", "what the installation has in AWS cannot be read", {
      why: `${thrown.call}: ${thrown.message}`,
      next: "Use credentials of the account of IAM Identity Center, such as the controller's own role, and its region in AWS_REGION.",
      cause: thrown,
    });
  }
}

function viewOf({ name, grant, accountID, principalID, permissionSetARN }: Orphan): Leftover {
  return { grantID: name, grant, accountID, principalID, permissionSetARN };
}
