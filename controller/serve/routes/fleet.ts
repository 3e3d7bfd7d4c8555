import type { Fleet } from "#wire/fleet.ts";
import { fleetOf } from "../fleet.ts";
import type { Route } from "../route.ts";
import { boolean, instant, integer, listOf, object, oneOf, text } from "../schemas.ts";
import type { Services } from "../services.ts";

const count = integer(0, Number.MAX_SAFE_INTEGER);
const condition = object({
  type: text(316),
  status: oneOf("True", "False", "Unknown"),
  reason: text(1024),
  message: text(32_768, 0),
  lastTransitionTime: instant,
});
const fleetObject = { kind: text(63), namespace: text(63), name: text(63), conditions: listOf(condition) };
const task = object(
  {
    taskARN: text(512),
    version: text(64),
    skewMs: { type: "number" },
    sessions: count,
    draining: boolean,
    spoolBytes: count,
  },
  ["sessions", "draining", "spoolBytes"],
);

/** What operators watch. */
export function fleetRoute(services: Services): Route {
  return {
    method: "GET",
    path: "/v1/fleet",
    operationID: "getFleet",
    summary: "Proxies and their tasks, databases, what is not well, use of quotas and how fast access ends.",
    rule: "administrator",
    response: object(
      {
        proxies: listOf(object({ ...fleetObject, tasks: listOf(task) })),
        databases: listOf(
          object({ ...fleetObject, engine: text(32), endpoint: text(262), activeGrants: count }, ["endpoint"]),
        ),
        troubled: listOf(object(fleetObject)),
        quotas: listOf(object({ name: text(1200), used: count, limit: count })),
        revocationLag: object({ p50Ms: count, p99Ms: count, maxMs: count, count }),
        grants: { type: "object", additionalProperties: count },
        problems: listOf(text(4096)),
      },
      ["revocationLag"],
    ),
    handle: async (): Promise<Fleet> => {
      const { source, linkedTasks, clock, problems = () => source.problems() } = services;
      return fleetOf({ source, linkedTasks, problems: problems(), now: clock.now() });
    },
  };
}
