import type { Grant, GrantStatus } from "#kinds/index.ts";
import { coerceError } from "#lib/errors.ts";
import { isNamedAs } from "../../reconcile/grant/names.ts";
import type { Services } from "../services.ts";
import { stateOf } from "./grant-view.ts";

/**
 * Cancels what the person of a break-glass Grant had asked for themselves, for the same role, and what still waits for approval: reviewers
 * would be asked for what is not needed any more, and a late approval would give the access a second time. `isMet`: whether a Grant's
 * window meets that one's. Never rejects: break-glass does not fail with it.
 */
export async function withdrawWaiting(
  urgent: Grant,
  { source, clock, log }: Pick<Services, "source" | "clock" | "log">,
  isMet: (grant: Grant) => boolean,
): Promise<void> {
  const by = urgent.spec.principal.name;
  const reason = `break-glass was used in its place (${urgent.metadata.name})`;
  const endRequest = { reason, by, time: new Date(clock.now()).toISOString() };
  const withEnd = (status: GrantStatus): GrantStatus => ({ ...status, endRequest: status.endRequest ?? endRequest });
  for (const { object } of source.list("Grant")) {
    if (!isPassedBy(object, urgent) || !isMet(object)) {
      continue;
    }
    try {
      await source.writeStatus(object, withEnd, { notify: true });
    } catch (error) {
      const { namespace, name } = object.metadata;
      const what = { namespace, name, error: coerceError(error) };
      log.warn("a request whose person has used break-glass since still waits for approval", what);
    }
  }
}

/** What others asked for in the person's name stays: it is not theirs to withdraw. Pure. */
function isPassedBy(grant: Grant, urgent: Grant): boolean {
  const { metadata, spec, status } = grant;
  const by = urgent.spec.principal.name;
  const state = stateOf(grant);
  return (
    (state === "Pending" || state === "PendingApproval") &&
    spec.urgency !== "BreakGlass" &&
    status?.endRequest === undefined &&
    metadata.namespace === urgent.metadata.namespace &&
    spec.databaseRef.name === urgent.spec.databaseRef.name &&
    spec.roleName === urgent.spec.roleName &&
    isNamedAs(spec.principal.name, by) &&
    isNamedAs(spec.requester?.username ?? "", by)
  );
}
