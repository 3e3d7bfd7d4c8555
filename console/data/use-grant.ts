import type { GrantView } from "#wire/control-api.ts";
import type { Problem } from "../api/problem.ts";
import { useSession } from "../session/session.tsx";
import { useNow } from "../ui/now.ts";
import { ripeAt } from "./ripe.ts";
import { useMyGrants, useWatchedGrants } from "./watched-grants.tsx";

/** How often it is looked at what has become possible by time alone, in milliseconds. */
const ripeStepMs = 5_000;

/** One grant as it is now. Followed by a stream of its own only where none of the person's streams tells of it. */
export function useGrant(grantID: string): {
  readonly grant: GrantView | undefined;
  readonly problem: Problem | undefined;
} {
  const { own, reviews } = useMyGrants();
  const known = own.byID.get(grantID) ?? reviews.byID.get(grantID);
  const isSettled = [own, reviews].every(({ isComplete, state }) => isComplete || state === "refused");
  const path = `/v1/grants/${encodeURIComponent(grantID)}/watch`;
  const alone = useWatchedGrants(known === undefined && isSettled ? path : undefined);
  const grant = known ?? alone.byID.get(grantID);
  const { person } = useSession();
  const now = useNow(ripeStepMs);
  return {
    grant: grant && ripeAt(grant, person, now),
    problem: grant === undefined && alone.state === "refused" ? alone.problem : undefined,
  };
}
