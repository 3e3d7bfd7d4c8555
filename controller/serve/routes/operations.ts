import { formatKey } from "#kinds/index.ts";
import { HttpProblem, type Route } from "../route.ts";
import { boolean, instant, integer, listOf, object, text } from "../schemas.ts";
import type { Services } from "../services.ts";

/** What those who run the installation need: whether it works, what is wrong, what is held. */
export function operationRoutes(services: Services, openApi: () => unknown, isStuck: () => boolean): Route[] {
  return [
    {
      method: "GET",
      path: "/healthz",
      operationID: "getHealth",
      summary: "Alive: the reconcile loop has made progress.",
      rule: "public",
      response: object({ ok: boolean }),
      handle: async () => {
        if (isStuck()) {
          throw new HttpProblem(503, "LoopStuck", "the reconcile loop makes no progress");
        }
        return { ok: true };
      },
    },
    {
      method: "GET",
      path: "/v1/openapi.json",
      operationID: "getOpenApi",
      summary: "This document.",
      rule: "public",
      response: { type: "object" },
      handle: async () => openApi(),
    },
    {
      method: "GET",
      path: "/v1/problems",
      operationID: "listProblems",
      summary: "Files that could not be accepted, and deletions that are held.",
      rule: "auditor",
      response: object({ problems: listOf(text(4096)), held: object({ keys: listOf(text(256)), since: instant }) }, [
        "held",
      ]),
      handle: async () => {
        const held = services.source.held();
        return {
          problems: services.source.problems(),
          ...(held === undefined ? {} : { held: { keys: held.keys.map(formatKey), since: held.since } }),
        };
      },
    },
    {
      method: "POST",
      path: "/v1/held/confirm",
      operationID: "confirmHeld",
      summary:
        "Confirms a held mass disappearance: what is gone from the folder is then deleted, and grants are revoked.",
      rule: "administrator",
      response: object({ confirmed: integer(0, Number.MAX_SAFE_INTEGER) }),
      handle: async () => {
        const confirmed = services.source.held()?.keys.length ?? 0;
        await services.source.confirmHeld();
        return { confirmed };
      },
    },
  ];
}
