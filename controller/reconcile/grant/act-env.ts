import type { Grant, GrantStatusExternal } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import { AwsFailure, type AccountPort, type AwsPorts, type IdentityCenterPort } from "../../aws/ports.ts";
import type { Source } from "../../source/source.ts";
import type { OperationPace } from "./pace.ts";
import type { GrantPatch } from "./types.ts";

/** What performing needs. `grant` is the newest, with what the steps before have recorded. */
export interface ActEnv {
  readonly grant: Grant;
  readonly ports: AwsPorts;
  readonly source: Pick<Source, "putTombstone" | "release" | "forget">;
  readonly clock: Clock;
  readonly installation: string;
  /** Whether the grant has ended: its calls go before all others. */
  readonly urgent: boolean;
  readonly pace: OperationPace;
  /** Tags of the Grant's set as this process knows them without a look; undefined: they must be looked at. */
  readonly tags: Readonly<Record<string, string>> | undefined;
}

/** What one step came to. */
export interface StepResult {
  /** Recorded in status before the next step. */
  readonly patch?: GrantPatch;
  /** The steps after it must wait this long. */
  readonly wait?: { readonly ms: number; readonly why: string };
  /** What AWS was asked for has failed; `patch` is recorded all the same. */
  readonly failed?: AwsFailure;
  /** A person must act first. `retryMs`: and it is looked at again after so long; absent: when the object changes. */
  readonly refused?: { readonly reason: string; readonly message: string; readonly retryMs?: number };
  /** The set was there already: its tags and policy are not known. */
  readonly isAdopted?: boolean;
}

/** The Grant's instance of Identity Center. */
export function center({ ports, grant, urgent }: ActEnv): IdentityCenterPort {
  return ports.identityCenter({ ...recorded(grant.status?.external), urgency: urgent ? "revoke" : "change" });
}

/** The account of its Proxy, in the region of its tasks. */
export function account({ ports, grant }: ActEnv): AccountPort {
  const external = recorded(grant.status?.external);
  return ports.account({ ...external, region: external.taskRegion ?? external.region });
}

/** ARN of its set. Throws an AwsFailure where none is on record. */
export function setARN({ grant }: ActEnv): string {
  const arn = grant.status?.external?.permissionSetARN;
  if (arn === undefined) {
    throw new AwsFailure("unavailable", "NotFoundYet", "sso:ListPermissionSets", "the permission set is not known yet");
  }
  return arn;
}

/** What is on record of AWS. */
export function recorded(external: GrantStatusExternal | undefined): GrantStatusExternal {
  if (external === undefined) {
    throw new Error("a step in AWS was asked for before it was recorded what revoking it needs");
  }
  return external;
}
