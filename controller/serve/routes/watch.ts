import { keyOf } from "#kinds/index.ts";
import type { GrantWatchLine } from "#wire/control-api.ts";
import { visibleGrant } from "../grants/caller-view.ts";
import { isInQueue } from "../grants/grant-access.ts";
import { type GrantWatch, watchGrants } from "../grants/grant-watch.ts";
import { withBeats } from "../streams/heartbeat.ts";
import { callerOf, type Route } from "../route.ts";
import { anyOf, grantIDText, grantView, object, oneOf } from "../schemas.ts";
import type { Services } from "../services.ts";
import { StreamCount } from "../streams/stream-count.ts";
import { grantPath } from "./grants.ts";

/**
 * A change of a grant costs each stream a look of some 5 µs, and those who may see it a view of some 50 µs. Identity Center lets 20 calls
 * a second through (docs/architecture.md), so some 20 grants change in a second: 256 streams take a few hundredths of one core.
 */
export const watchesMax = 256;
/** Somebody's browser windows and command lines, and what they forgot. */
export const watchesOfPersonMax = 16;

const line = anyOf(grantView, object({ grantID: grantIDText, gone: { type: "boolean", const: true } }), object({}));

/** Following grants without asking again and again. */
export function watchRoutes(services: Services): Route[] {
  const count = new StreamCount({
    code: "TooManyWatches",
    what: "grants",
    most: watchesMax,
    mostOfPerson: watchesOfPersonMax,
  });
  const follow = (watch: GrantWatch): AsyncIterable<GrantWatchLine> => {
    count.take(watch.caller.userID, watch.signal);
    return withBeats(watchGrants(services, watch), { beat: () => ({}), clock: services.clock });
  };
  const told = "first all of it, then `{}`, then each change; `{}` in every silence. It ends with the caller's token.";
  return [
    {
      method: "GET",
      path: "/v1/grants/watch",
      operationID: "watchGrants",
      summary: `Every grant that the caller may see, or with \`scope\` only their own or those that they review: ${told}`,
      rule: "person",
      query: { scope: oneOf("own", "reviews", "all") },
      response: line,
      streams: true,
      handle: (request) => {
        const { scope } = request.query;
        return follow({
          caller: callerOf(request),
          signal: request.signal,
          wants: ({ relation }) =>
            (scope !== "own" || relation.own || relation.requester) && (scope !== "reviews" || isInQueue(relation)),
        });
      },
    },
    {
      method: "GET",
      path: "/v1/grants/{grantID}/watch",
      operationID: "watchGrant",
      summary: `One grant: ${told}`,
      rule: "person",
      parameters: grantPath,
      response: line,
      streams: true,
      handle: (request) => {
        const caller = callerOf(request);
        const { grant } = visibleGrant(services, caller, request.path["grantID"] ?? "");
        return follow({ caller, key: keyOf(grant), signal: request.signal });
      },
    },
  ];
}
