import { createHash } from "node:crypto";
import { type Context, Hono } from "hono";
import { defined } from "#lib/defined.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import { AwsFailure } from "../aws/ports.ts";
import { addressOf } from "./auth/network.ts";
import { type Presented, presentedBy } from "./auth/presented.ts";
import type { Tokens } from "./auth/tokens.ts";
import type { BrowserDoor } from "./browser/door.ts";
import { inputReader } from "./input.ts";
import { lineStream } from "./streams/line-stream.ts";
import { type Caller, HttpProblem, type Route, type RouteRequest } from "./route.ts";

/** Names of the Identity Store groups whose members see or do more than their own. Undefined: nobody. */
export interface Groups {
  readonly auditors: string | undefined;
  readonly administrators: string | undefined;
}

/** Builds the control API from its routes: authorisation first, then the shape of the input, then the handler. */
export function createApp(
  routes: readonly Route[],
  tokens: Tokens,
  groups: Groups,
  log: Log,
  browser?: BrowserDoor,
): Hono {
  const app = new Hono();
  const methods: ReadonlySet<string> = new Set(routes.map((route) => route.method));
  app.use("*", async (context, next) => {
    context.header("cache-control", "no-store");
    context.header("x-content-type-options", "nosniff");
    // Hono would answer HEAD by running the GET handler, which for a tail is a stream that nobody reads.
    if (!methods.has(context.req.raw.method)) {
      // What is served beside the routes, such as the console, takes these methods at most.
      context.header("allow", [...methods].join(", "));
      const problem = noSuchRoute(context, routes);
      throw problem.status === 405
        ? problem
        : new HttpProblem(405, "MethodNotAllowed", `the control API does not know ${context.req.raw.method}`);
    }
    await next();
  });
  for (const route of routes) {
    const read = inputReader(route);
    app.on(route.method, honoPath(route), async (context) => {
      const presented = route.rule === "public" ? undefined : presentedBy(context.req.raw.headers, tokens, browser);
      const caller = await authorise(route, presented, groups);
      const input = await read(context);
      const from = defined({ address: addressOf(context) });
      return answer(context, route, { ...input, ...from, caller }, { log, presented });
    });
  }
  browser?.mount(app);
  app.notFound((context) => problemResponse(context, noSuchRoute(context, routes)));
  app.onError((error, context) => {
    const problem = toProblem(error);
    if (problem.status >= 500) {
      log.error("control API request failed", { error: coerceError(error) });
    }
    return problemResponse(context, problem);
  });
  return app;
}

function honoPath(route: Route): string {
  return route.path.replaceAll(/\{(\w+)\}/g, ":$1");
}

/** Decides whether the caller may use the route at all. Throws 401 or 403. */
async function authorise(route: Route, presented: Presented | undefined, groups: Groups): Promise<Caller | undefined> {
  if (route.rule === "public") {
    return undefined;
  }
  const principal = await presented?.find();
  if (presented === undefined || principal === undefined) {
    throw new HttpProblem(401, "NotSignedIn", "you are not signed in, or your session is over", {
      next: "sallyport login",
    });
  }
  const administrator = groups.administrators !== undefined && principal.groups.includes(groups.administrators);
  const auditGroup = groups.auditors !== undefined && principal.groups.includes(groups.auditors);
  const auditor = administrator || auditGroup;
  if ((route.rule === "administrator" && !administrator) || (route.rule === "auditor" && !auditor)) {
    throw new HttpProblem(403, "Forbidden", `${principal.userName} may not do this`, {
      why: `it takes a member of the ${route.rule} group`,
      next: "Ask an administrator of this installation to add you to the group.",
    });
  }
  return {
    ...principal,
    administrator,
    auditor,
    auditGroup,
    session: sessionName(presented.token),
    signOut: () => presented.end(),
    isBrowser: presented.isBrowser,
    ...defined({ sessionLeftMs: presented.leftMs?.() }),
  };
}

/** A digest: what is kept by it opens nothing. */
function sessionName(token: string): string {
  return createHash("sha256").update(`session ${token}`).digest("base64url");
}

interface AnswerContext {
  readonly log: Log;
  readonly presented: Presented | undefined;
}

async function answer(
  context: Context,
  route: Route,
  request: Omit<RouteRequest, "signal">,
  { log, presented }: AnswerContext,
): Promise<Response> {
  const gone = context.req.raw.signal;
  if (route.streams !== true) {
    const result = await route.handle({ ...request, signal: gone });
    return context.json(result ?? {});
  }
  const stopping = new AbortController();
  const lines = await route.handle({ ...request, signal: AbortSignal.any([gone, stopping.signal]) });
  // What a token may see is decided anew at each sign-in; a stream must not outlive the token that opened it.
  const cancelExpiry = presented?.whenOver(() => stopping.abort()) ?? (() => {});
  const body = lineStream(lines as AsyncIterable<unknown>, {
    onOver(failure) {
      cancelExpiry();
      stopping.abort();
      if (failure !== undefined) {
        log.warn("control API stream ended early", { route: route.operationID, error: failure });
      }
    },
  });
  return context.body(body, 200, { "content-type": "application/x-ndjson" });
}

function noSuchRoute(context: Context, routes: readonly Route[]): HttpProblem {
  const path = context.req.path;
  const fits = (route: Route): boolean =>
    new RegExp(`^${route.path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path);
  const allowed = routes.filter(fits).map((route) => route.method);
  if (allowed.length === 0) {
    return new HttpProblem(404, "NotFound", "the control API has no such route");
  }
  context.header("allow", allowed.join(", "));
  return new HttpProblem(405, "MethodNotAllowed", `this route takes ${allowed.join(" or ")} only`);
}

function toProblem(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) {
    return error;
  }
  if (error instanceof UserError) {
    return new HttpProblem(422, error.code, error.message, { why: error.why, next: error.next });
  }
  if (error instanceof AwsFailure && ["throttled", "busy", "unavailable"].includes(error.failure)) {
    return new HttpProblem(503, "AwsUnavailable", "AWS does not answer the controller right now", {
      why: `${error.call}: ${error.code}`,
      next: "Try again in a few seconds.",
    });
  }
  return new HttpProblem(500, "Internal", "the controller failed to answer", {
    next: "Look for this moment in the controller's log.",
  });
}

function problemResponse(context: Context, problem: HttpProblem): Response {
  return context.json(problem.body, problem.status);
}
