import { defined } from "#lib/defined.ts";
import type { TrailEventLine, TrailEventList } from "#wire/trail-event.ts";
import { visibleGrant } from "../grants/caller-view.ts";
import { withBeats } from "../streams/heartbeat.ts";
import { callerOf, HttpProblem, type Route, type RouteRequest } from "../route.ts";
import { anyOf, grantIDText, integer, listOf, object, trailEvent } from "../schemas.ts";
import type { EventFilter, Services } from "../services.ts";
import { StreamCount } from "../streams/stream-count.ts";

const pageSizeMax = 1_000;
const pageSizeDefault = 100;
/** As many as may follow statements (routes/audit.ts): each stored batch wakes each of them. */
export const eventTailsMax = 64;
/** As of grants (routes/watch.ts). */
export const eventTailsOfPersonMax = 16;

const position = integer(0, Number.MAX_SAFE_INTEGER);

/** What happened to access: of one grant for whoever may see it, of all for auditors and administrators. */
export function eventRoutes(services: Services): Route[] {
  const count = new StreamCount({
    code: "TooManyTails",
    what: "events",
    most: eventTailsMax,
    mostOfPerson: eventTailsOfPersonMax,
  });
  return [
    {
      method: "GET",
      path: "/v1/events",
      operationID: "listEvents",
      summary:
        "Events of one grant, oldest first; of all for auditors and administrators. `after` is `next` of the page before.",
      rule: "person",
      query: { grantID: grantIDText, after: position, limit: integer(1, pageSizeMax) },
      response: object({ items: listOf(trailEvent), next: position }, ["next"]),
      handle: async (request): Promise<TrailEventList> =>
        services.events.page(visibleFilter(services, request), {
          after: Number(request.query["after"] ?? 0),
          limit: Number(request.query["limit"] ?? pageSizeDefault),
        }),
    },
    {
      method: "GET",
      path: "/v1/events/tail",
      operationID: "tailEvents",
      summary:
        "The same as a stream: what is there after the position `after`, then what comes. `{}` in every silence of 15 s.",
      rule: "person",
      query: { grantID: grantIDText, after: position },
      response: anyOf(trailEvent, object({})),
      streams: true,
      handle: (request): AsyncIterable<TrailEventLine> => {
        const filter = visibleFilter(services, request);
        count.take(callerOf(request).userID, request.signal);
        const events: AsyncIterable<TrailEventLine> = services.events.tail(
          filter,
          Number(request.query["after"] ?? 0),
          request.signal,
        );
        return withBeats(events, { first: {}, beat: () => ({}), clock: services.clock });
      },
    },
  ];
}

/** What the caller may see of what was asked for. Throws where that is nothing. */
function visibleFilter(services: Services, request: RouteRequest): EventFilter {
  const caller = callerOf(request);
  const grantID = request.query["grantID"] as string | undefined;
  if (grantID !== undefined && !caller.auditor) {
    visibleGrant(services, caller, grantID);
  }
  if (grantID === undefined && !caller.auditor) {
    throw new HttpProblem(403, "Forbidden", "the events of all grants are for auditors and administrators", {
      next: "Name one of your grants.",
    });
  }
  return defined({ grantID });
}
