import type { GrantView } from "#wire/control-api.ts";
import type { Problem } from "../api/problem.ts";
import { useMyGrants, useWatchedGrants } from "./watched-grants.tsx";

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
  return { grant, problem: grant === undefined && alone.state === "refused" ? alone.problem : undefined };
}
