import {
  isTrue,
  type AccessWorkflow,
  type Availability,
  type AvailabilityStatus,
  type ConditionInput,
  type Database,
  type Grant,
} from "#kinds/index.ts";
import { coversDatabase } from "../grant/offers.ts";
import type { Patch } from "../status/patch.ts";
import { held, notReady, ready } from "../status/simple.ts";

/** Everything that a decision about one Availability rests on; the lists are its namespace's. */
export interface AvailabilityInput {
  readonly availability: Availability;
  readonly workflow: AccessWorkflow | undefined;
  readonly databases: readonly Database[];
  readonly grants: readonly Grant[];
}

/** What an Availability matches, as status. Pure. */
export function decideAvailability(input: AvailabilityInput): {
  readonly patch: Patch<AvailabilityStatus>;
  readonly conditions: readonly ConditionInput[];
} {
  const { availability, databases, grants } = input;
  const matched = databases.filter((database) => coversDatabase(availability, database));
  const active = grants.filter(
    ({ status }) => status?.availability?.name === availability.metadata.name && isTrue(status.conditions, "Active"),
  );
  return {
    patch: {
      observedGeneration: availability.metadata.generation ?? 0,
      matchedDatabases: matched.length,
      activeGrants: active.length,
    },
    conditions: readiness(input, matched),
  };
}

function readiness({ availability, workflow, databases }: AvailabilityInput, matched: readonly Database[]) {
  const { spec } = availability;
  if (spec.suspend === true) {
    return held("Suspended", "spec.suspend: nothing new is offered. Live access goes on.");
  }
  if (workflow === undefined) {
    return notReady(
      "ReferenceNotFound",
      `The AccessWorkflow ${spec.workflowRef.name} does not exist in this namespace.`,
    );
  }
  const missing = (spec.databaseRefs ?? []).filter(
    ({ name }) => !databases.some((database) => database.metadata.name === name),
  );
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(", ");
    return notReady("ReferenceNotFound", `Databases that do not exist in this namespace: ${names}.`);
  }
  if (matched.length === 0) {
    return notReady("NoDatabasesMatched", "No Database of this namespace carries the labels of spec.databaseSelector.");
  }
  const unknown = spec.roleNames.filter(
    (name) => !matched.some((database) => database.spec.roles.some((role) => role.name === name)),
  );
  return unknown.length > 0
    ? notReady("RoleNotFound", `No matched Database has these roles: ${unknown.join(", ")}.`)
    : ready("Offered", `Offered on ${matched.length} databases.`);
}
