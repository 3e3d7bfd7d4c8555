import type { Grant } from "#kinds/index.ts";
import { applyPatch, withConditions } from "../status/patch.ts";
import { decideGrant } from "./decide.ts";
import { phaseOf } from "./phase.ts";
import type { Decision, GrantInput } from "./types.ts";

/** Decisions in a row that change nothing in AWS: new, approved, set up. */
const roundsMax = 4;

/**
 * What the loop would do about a Grant from here, without doing it: decisions that only write status are taken as written,
 * until one has steps or waits. Pure; a Grant that nothing was made for yet is taken to have nothing in AWS.
 */
export function planGrant(input: GrantInput): Decision {
  let current = input;
  let decision = decideGrant(current);
  for (
    let round = 1;
    round < roundsMax && decision.actions.length === 0 && decision.next.kind === "again";
    round += 1
  ) {
    current = { ...current, grant: asWritten(current, decision) };
    const isNew = current.grant.status?.external?.permissionSetARN === undefined;
    if (phaseOf(current.grant) === "Provisioning" && isNew) {
      current = { ...current, aws: { set: undefined, policy: undefined, assigned: false, role: "none" } };
    }
    decision = decideGrant(current);
  }
  return decision;
}

function asWritten({ grant, now }: GrantInput, { patch, conditions }: Decision): Grant {
  const status = applyPatch(grant.status ?? {}, patch);
  const generation = grant.metadata.generation ?? 0;
  return {
    ...grant,
    status: { ...status, conditions: withConditions(status.conditions, conditions, generation, now) },
  };
}
