import { specDigest, type Grant, type GrantStatus } from "#kinds/index.ts";
import { grantIDOf } from "#lib/grant-id.ts";
import type { PermissionSet, StoreUser } from "../../aws/ports.ts";
import { aDatabase, aGrant, anAvailability, aProxy, aWorkflow, place, uidOf } from "../testing.ts";
import { policyFor } from "./policy.ts";
import { resolveTarget } from "./target.ts";
import { creationTags, windowTags } from "./tags.ts";
import type { Action, AwsObservation, Decision, GrantInput } from "./types.ts";

/** Noon of 2026-01-01: the `now` of decisions in tests. */
export const noon = Date.UTC(2026, 0, 1, 12);
/** RFC 3339 of `noon` plus minutes. */
export const at = (minutes: number): string => new Date(noon + minutes * 60_000).toISOString();

export const ada: StoreUser = {
  userID: "93671a2b3c-11111111-2222-3333-4444-555555555555",
  userName: "ada",
  displayName: "Ada Lovelace",
  status: "ENABLED",
};

/** ARN of the test grant's permission set. */
export const setARN = "arn:aws:sso:::permissionSet/ssoins-6804a1b2c3d4e5f6/ps-0123456789abcdef";
export const grantID = grantIDOf(uidOf(1));

/** A status in which the controller has seen the grant. */
export const seen: GrantStatus = { grantID, requestTime: at(0) };

/** Approved and recorded; nothing in AWS yet. */
export function approvedStatus(more: GrantStatus = {}): GrantStatus {
  const resolution = resolveTarget(aDatabase(), aProxy(), "read_only");
  if (resolution.kind !== "resolved") {
    throw new Error("the test's database has the role");
  }
  return {
    ...seen,
    approvalTime: at(0),
    availability: { name: "developers" },
    workflow: { name: "auto", generation: 1, digest: specDigest(aWorkflow()), maxDurationSeconds: 7_200 },
    principal: { userID: ada.userID, userName: ada.userName },
    target: resolution.target,
    external: {
      instanceARN: place.instanceARN,
      identityStoreID: place.identityStoreID,
      region: place.region,
      accountID: place.accountID,
      taskRegion: place.region,
      principalID: ada.userID,
    },
    ...more,
  };
}

/** Live since noon, for an hour. */
export function liveStatus(more: GrantStatus = {}): GrantStatus {
  const approved = approvedStatus();
  return {
    ...approved,
    external: {
      ...(approved.external as NonNullable<GrantStatus["external"]>),
      permissionSetARN: setARN,
      roleID: "AROAEXAMPLEEXAMPLE123",
      roleName: `AWSReservedSSO_${grantID}_0123456789abcdef`,
    },
    activationTime: at(0),
    expiryTime: at(60),
    extensionCount: 0,
    conditions: [
      {
        type: "Ready",
        status: "True",
        reason: "Active",
        message: "",
        observedGeneration: 1,
        lastTransitionTime: at(0),
      },
      {
        type: "Active",
        status: "True",
        reason: "Active",
        message: "",
        observedGeneration: 1,
        lastTransitionTime: at(0),
      },
    ],
    ...more,
  };
}

/** The permission set as it should be. */
export function ownSet(grant: Grant = aGrant({ status: liveStatus() })): PermissionSet {
  const status = grant.status ?? {};
  return { arn: setARN, name: grantID, tags: { ...creationTags(grant, status, "test"), ...windowTags(status) } };
}

/** Everything in AWS as it should be. */
export function healthy(more: Partial<AwsObservation> = {}): AwsObservation {
  return {
    set: ownSet(),
    policy: policyFor(aProxy(), "ada", place.instanceARN),
    assigned: true,
    role: { roleName: `AWSReservedSSO_${grantID}_0123456789abcdef`, roleID: "AROAEXAMPLEEXAMPLE123" },
    ...more,
  };
}

/** The input of a decision at noon, with Ada in the group developers. */
export function anInput(more: Partial<GrantInput> = {}): GrantInput {
  return {
    now: noon,
    installation: "test",
    warnBeforeEndMs: 300_000,
    grant: aGrant({ status: seen }),
    tombstone: undefined,
    database: aDatabase(),
    proxy: aProxy(),
    availabilities: [anAvailability()],
    workflows: [aWorkflow()],
    databases: [aDatabase()],
    person: { user: ada, groups: ["developers"] },
    ...more,
  };
}

/** Kinds of a decision's actions, in order. */
export function kindsOf({ actions }: Decision): Action["kind"][] {
  return actions.map((action) => action.kind);
}

/** The condition that a decision sets, as `status reason`; undefined where it sets none of that type. */
export function set(decision: Decision, type: string): string | undefined {
  const found = decision.conditions.find((condition) => condition.type === type);
  return found === undefined ? undefined : `${found.status} ${found.reason}`;
}

/** Message of the Ready condition that a decision sets. */
export function messageOf(decision: Decision): string {
  return decision.conditions.find((condition) => condition.type === "Ready")?.message ?? "";
}
