import { createHash } from "node:crypto";
import { formatKey } from "#kinds/index.ts";
import type { ConfirmHeldRequest, ConfirmHeldResponse, HeldDeletions, ProblemList } from "#wire/control-api.ts";
import { HttpProblem, type Route } from "../route.ts";
import { boolean, instant, integer, listOf, object, text } from "../schemas.ts";
import type { Services } from "../services.ts";

/** What those who run the installation need: whether it works, what is wrong, what is held. */
export function operationRoutes(services: Services, openApi: () => unknown, isStuck: () => boolean): Route[] {
  return [...processRoutes(openApi, isStuck), ...folderRoutes(services)];
}

function processRoutes(openApi: () => unknown, isStuck: () => boolean): Route[] {
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
  ];
}

function folderRoutes(services: Services): Route[] {
  return [
    {
      method: "GET",
      path: "/v1/problems",
      operationID: "listProblems",
      summary: "Files that could not be accepted, audit sinks that take nothing, and deletions that are held.",
      rule: "auditor",
      response: object(
        { problems: listOf(text(4096)), held: object({ keys: listOf(text(256)), since: instant, digest: text(64) }) },
        ["held"],
      ),
      handle: async (): Promise<ProblemList> => {
        const held = heldOf(services);
        return {
          problems: services.problems?.() ?? services.source.problems(),
          ...(held === undefined ? {} : { held }),
        };
      },
    },
    {
      method: "POST",
      path: "/v1/held/confirm",
      operationID: "confirmHeld",
      summary:
        "Confirms a held mass disappearance: what is gone from the folder is then deleted, and grants are revoked. `digest` is that of what the caller saw.",
      rule: "administrator",
      body: object({ digest: text(64) }),
      response: object({ confirmed: integer(0, Number.MAX_SAFE_INTEGER) }),
      handle: (request) => confirmHeld(services, request.body as ConfirmHeldRequest),
    },
  ];
}

function heldOf(services: Services): HeldDeletions | undefined {
  const held = services.source.held();
  const orphans = services.orphans?.held();
  const since = [held?.since, orphans?.since].filter((time) => time !== undefined).toSorted()[0];
  if (since === undefined) {
    return undefined;
  }
  const keys = [...(held?.keys.map(formatKey) ?? []), ...(orphans?.keys ?? [])].sort();
  return { keys, since, digest: createHash("sha256").update(keys.join("\n")).digest("hex") };
}

async function confirmHeld(services: Services, { digest }: ConfirmHeldRequest): Promise<ConfirmHeldResponse> {
  const held = heldOf(services);
  if (held?.digest !== digest) {
    throw new HttpProblem(409, "HeldChanged", "what is held has changed since you looked", {
      next: "sallyport deletions confirm",
    });
  }
  if (services.source.held() !== undefined) {
    await services.source.confirmHeld();
  }
  services.orphans?.confirm();
  services.log.warn("held deletions were confirmed", { count: held.keys.length });
  return { confirmed: held.keys.length };
}
