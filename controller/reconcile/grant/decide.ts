import { grantIDOf } from "#lib/grant-id.ts";
import { assertNever } from "#lib/errors.ts";
import { endCause, ownEndCause } from "./end-cause.ts";
import { decideLive, decideProvisioning, decideRetry, isScheduled } from "./decide-live.ts";
import { decidePending, hasEndedBefore } from "./decide-pending.ts";
import { decideEnd, decideEnded, decideRevoking } from "./decide-revoking.ts";
import { phaseOf } from "./phase.ts";
import { firstVisit } from "./situations.ts";
import type { Decision, GrantInput, Lookups } from "./types.ts";
import { formatTime } from "./window.ts";

/**
 * What to look up before deciding, from what is at hand. A Grant that must end needs no look at AWS first: nothing there
 * can change that, and a failing call must not delay it. `due`: the look at AWS that a live Grant is due for.
 */
export function lookupsFor(input: GrantInput, due: "no" | "listing" | "full"): Lookups {
  const phase = phaseOf(input.grant);
  const { operation, permissionSetARN } = input.grant.status?.external ?? {};
  switch (phase) {
    case "New":
    case "Ended":
      return { person: "no", aws: "no" };
    case "Revoking":
      // What is on record is taken away without a look: AWS's answers to that tell more than any look.
      return { person: "no", aws: permissionSetARN === undefined ? "byName" : "no" };
    case "Pending":
      return ownEndCause(input.grant, input.now) !== undefined ||
        input.grant.spec.suspend === true ||
        hasEndedBefore(input)
        ? { person: "no", aws: "no" }
        : { person: "byName", aws: "no" };
    case "Provisioning":
      return endCause(input) !== undefined ||
        operation !== undefined ||
        input.grant.spec.suspend === true ||
        isScheduled(input.grant, input.now)
        ? { person: "no", aws: "no" }
        : { person: "byID", aws: "full" };
    case "Live":
      return endCause(input) !== undefined || operation !== undefined || due === "no"
        ? { person: "no", aws: "no" }
        : { person: "byID", aws: due };
    default:
      return assertNever(phase);
  }
}

/**
 * Decides what is to be done about a Grant. Pure: the same input gives the same decision, so `plan` prints what the loop
 * would do.
 */
export function decideGrant(input: GrantInput): Decision {
  const { grant, now } = input;
  const phase = phaseOf(grant);
  if (phase === "New") {
    return {
      patch: {
        grantID: grantIDOf(grant.metadata.uid ?? ""),
        requestTime: grant.status?.requestTime ?? formatTime(now),
      },
      conditions: firstVisit(),
      actions: [],
      onFailure: "stop",
      next: { kind: "again" },
    };
  }
  if (phase === "Ended") {
    return decideEnded(input);
  }
  if (phase === "Revoking") {
    return decideRevoking(input);
  }
  const cause = endCause(input);
  if (cause !== undefined) {
    return decideEnd(input, cause);
  }
  if (input.failure !== undefined) {
    return decideRetry(grant, input.failure, now);
  }
  switch (phase) {
    case "Pending":
      return decidePending(input);
    case "Provisioning":
      return decideProvisioning(input);
    case "Live":
      return decideLive(input);
    default:
      return assertNever(phase);
  }
}
