import type {
  AccessWorkflow,
  Availability,
  ConditionInput,
  Database,
  Grant,
  GrantStatus,
  GrantStatusEnd,
  Proxy,
} from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import type { Proof } from "../../admission/proven.ts";
import type { IdentityVerdict } from "../../admission/verdict.ts";
import type { AwsFailure, PermissionSet, StoreUser } from "../../aws/ports.ts";
import type { Tombstone } from "../../source/source.ts";
import type { Outcome } from "../reconciler.ts";
import type { Patch } from "../status/patch.ts";

/** Everything that a decision about one Grant rests on: plain data, gathered by `observe`. */
export interface GrantInput {
  readonly now: EpochMs;
  /** Name of this installation; what carries another one's tag is not ours. */
  readonly installation: string;
  readonly grant: Grant;
  /** How long before its end a person is warned (`--warn-before-end`). */
  readonly warnBeforeEndMs: number;
  /** The tombstone of the Grant's name, whoever it is of. */
  readonly tombstone: Tombstone | undefined;
  readonly database: Database | undefined;
  readonly proxy: Proxy | undefined;
  /** All of the Grant's namespace. */
  readonly availabilities: readonly Availability[];
  readonly workflows: readonly AccessWorkflow[];
  readonly databases: readonly Database[];
  /** Whether the object may be deleted once it is over (`isDisposable`). Absent: it may not. */
  readonly isOurs?: boolean;
  /** Whether what people do with kubectl is proven to be theirs. Absent: not known here, as in a plan. */
  readonly identity?: IdentityVerdict;
  /** Who asks, as far as it is proven. Absent as `identity` is. */
  readonly requester?: Proof;
  /** Absent: not looked up this time. */
  readonly person?: PersonObservation;
  /** Absent: not looked up this time, or it could not be. */
  readonly aws?: AwsObservation;
  /** The failure that kept `person` or `aws` from being looked up. */
  readonly failure?: AwsFailure;
  /** When AWS was last looked at, this look included. Absent: not since this process started. */
  readonly checkedAt?: EpochMs;
  /**
   * Until when a permission set that AWS does not show may be there all the same: AWS is eventually consistent, and an answer may
   * have been lost. Absent: what it does not show is not there.
   */
  readonly unsettledUntil?: EpochMs;
}

/** What the identity store says of the Grant's person. */
export interface PersonObservation {
  /** Undefined: there is nobody of that name or ID. */
  readonly user: StoreUser | undefined;
  /** Display names of the groups that the user is a direct member of; empty where nothing of the Grant depends on them. */
  readonly groups: readonly string[];
}

/** What Identity Center and IAM hold of the Grant. */
export interface AwsObservation {
  /** The permission set named by the grant ID, undefined when there is none. */
  readonly set: PermissionSet | undefined;
  /** Its inline policy as JSON text. */
  readonly policy: string | undefined;
  /** Whether the person is assigned in the account. */
  readonly assigned: boolean;
  /** IDs of others who are assigned to the set in the account: somebody did that by hand. Absent: none, or not looked up. */
  readonly others?: readonly string[];
  /** Whether the role in the account is not what the set says by now. Absent: it is, or it was not looked up. */
  readonly isOutdated?: boolean;
  /** The provisioned role. `notLookedUp` where this look did not need it. */
  readonly role: { readonly roleName: string; readonly roleID: string } | "none" | "notLookedUp";
}

/** What is worth looking up before deciding. `listing`: whether AWS lists the set in the account, which one call tells of 100. */
export interface Lookups {
  /** `byName` with groups while nothing is pinned, `byID` once the person is. */
  readonly person: "no" | "byName" | "byID";
  readonly aws: "no" | "byName" | "listing" | "full";
}

/**
 * One step towards what was decided, as plain data: `plan` prints it and `act` performs it. Steps about the permission set
 * mean the one whose ARN is in status by then.
 */
export type Action =
  | {
      /** sso:CreatePermissionSet; a set of that name with our tags is adopted. */
      readonly kind: "CreatePermissionSet";
      readonly name: string;
      readonly description: string;
      /** ISO 8601. */
      readonly sessionDuration: string;
      readonly tags: Readonly<Record<string, string>>;
    }
  /** sso:PutInlinePolicyToPermissionSet */
  | { readonly kind: "PutInlinePolicy"; readonly policy: string }
  /** sso:ProvisionPermissionSet: makes a changed policy count in an account that has the set already. */
  | { readonly kind: "Provision"; readonly accountID: string }
  /** sso:CreateAccountAssignment */
  | { readonly kind: "CreateAssignment"; readonly accountID: string; readonly principalID: string }
  /** Polls the operation in status until it has ended. */
  | { readonly kind: "AwaitOperation" }
  /** iam:ListRoles: the role's unique ID, by which people's proofs are checked. */
  | { readonly kind: "ReadRole"; readonly permissionSetName: string }
  /** sso:TagResource: puts back the tags by which the set is known as ours. */
  | { readonly kind: "RestoreTags"; readonly tags: Readonly<Record<string, string>> }
  /** sso:TagResource, then status: the window starts now, once. */
  | { readonly kind: "Activate"; readonly durationSeconds: number; readonly notAfterTime: string }
  /** sso:TagResource, then status: the window's end moved. */
  | { readonly kind: "MoveExpiry"; readonly expiryTime: string; readonly extensionCount: number }
  /** Durable in the source: the name stays ended until notAfterTime. */
  | { readonly kind: "PutTombstone"; readonly tombstone: Tombstone }
  /** ssm:DescribeSessions, ssm:TerminateSession */
  | { readonly kind: "TerminateSessions"; readonly userName: string; readonly permissionSetName: string }
  /** sso:DeleteAccountAssignment */
  | { readonly kind: "DeleteAssignment"; readonly accountID: string; readonly principalID: string }
  /** sso:TagResource: a recovered state knows that the grant has ended. */
  | { readonly kind: "TagEnded"; readonly endTime: string; readonly reason: string }
  /** sso:ListTagsForResource, sso:DeletePermissionSet: only what carries our tags, and only once the assignment is gone. */
  | { readonly kind: "DeletePermissionSet" }
  /** Status: all of it is confirmed to be gone. Done only when every step before it was confirmed. */
  | { readonly kind: "RecordDeprovisioned" }
  /** Lets the deleted object go. */
  | { readonly kind: "Release" }
  /** Asks for the deletion of an object that is over and has had its time. */
  | { readonly kind: "Forget" };

export type ActionKind = Action["kind"];

export type GrantPatch = Patch<GrantStatus>;

/** What is to be done about one Grant now. */
export interface Decision {
  /** Written, with the conditions, before the first action: everything that taking access away needs is recorded first. */
  readonly patch: GrantPatch;
  readonly conditions: readonly ConditionInput[];
  /** In order. */
  readonly actions: readonly Action[];
  /** Whether a failed step keeps the ones after it from being tried. Revoking tries all. */
  readonly onFailure: "stop" | "goOn";
  /** What this comes to once the actions are done; `again`: look and decide anew at once. */
  readonly next: Outcome | { readonly kind: "again" };
}

/** Why access ends. */
export type EndCause = Pick<GrantStatusEnd, "reason" | "message"> & {
  /** When it ended, where that is not now. */
  readonly at?: EpochMs;
};
