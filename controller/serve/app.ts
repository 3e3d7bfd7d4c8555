import { Ajv, type ValidateFunction } from "ajv";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { stream } from "hono/streaming";
import { coerceError, UserError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { Tokens } from "./auth/tokens.ts";
import { type CallerOf, HttpProblem, type JsonSchema, type Route, type RouteRequest } from "./route.ts";

/** A proof with its session token is the largest body, below 10 KiB. */
const bodyBytesMax = 64 * 1024;

/** Names of the Identity Store groups whose members see or do more than their own. Undefined: nobody. */
export interface Groups {
  readonly auditors: string | undefined;
  readonly administrators: string | undefined;
}

/** Builds the control API from its routes: authorisation first, then the shape of the input, then the handler. */
export function createApp(routes: readonly Route[], tokens: Tokens, groups: Groups, log: Log): Hono {
  const app = new Hono();
  app.use("*", async (context, next) => {
    context.header("cache-control", "no-store");
    context.header("x-content-type-options", "nosniff");
    await next();
  });
  const limit = bodyLimit({
    maxSize: bodyBytesMax,
    onError: () => {
      throw new HttpProblem(413, "BodyTooLarge", `the request body exceeds ${bodyBytesMax} bytes`);
    },
  });
  for (const route of routes) {
    const read = inputReader(route);
    app.on(route.method, route.path.replaceAll(/\{(\w+)\}/g, ":$1"), limit, async (context) => {
      const caller = authorise(route, context.req.header("authorization"), tokens, groups);
      const request = { ...(await read(context)), caller, signal: context.req.raw.signal };
      return answer(context, route, request, log);
    });
  }
  app.notFound(() => problemResponse(new HttpProblem(404, "NotFound", "the control API has no such route")));
  app.onError((error) => {
    const problem = toProblem(error);
    if (problem.status >= 500) {
      log.error("control API request failed", { error: coerceError(error) });
    }
    return problemResponse(problem);
  });
  return app;
}

/** Decides whether the caller may use the route at all. Throws 401 or 403. */
function authorise(route: Route, header: string | undefined, tokens: Tokens, groups: Groups): CallerOf | undefined {
  if (route.rule === "public") {
    return undefined;
  }
  const principal = header?.startsWith("Bearer ") ? tokens.find(header.slice("Bearer ".length)) : undefined;
  if (principal === undefined) {
    throw new HttpProblem(401, "NotSignedIn", "you are not signed in, or your session is over", {
      next: "sallyport login",
    });
  }
  const administrator = groups.administrators !== undefined && principal.groups.includes(groups.administrators);
  const auditor = administrator || (groups.auditors !== undefined && principal.groups.includes(groups.auditors));
  if ((route.rule === "administrator" && !administrator) || (route.rule === "auditor" && !auditor)) {
    throw new HttpProblem(403, "Forbidden", `${principal.userName} may not do this`, {
      why: `it takes a member of the ${route.rule} group`,
      next: "Ask an administrator of this installation to add you to the group.",
    });
  }
  return { ...principal, administrator, auditor };
}

type Input = Pick<RouteRequest, "path" | "query" | "body">;

function inputReader(route: Route): (context: Context) => Promise<Input> {
  const ajv = new Ajv({ strict: false, coerceTypes: false, allErrors: false, validateFormats: false });
  const queryAjv = new Ajv({ strict: false, coerceTypes: true, allErrors: false, validateFormats: false });
  const checkBody = route.body === undefined ? undefined : ajv.compile(route.body);
  const querySchema: JsonSchema = { type: "object", additionalProperties: false, properties: route.query ?? {} };
  const checkQuery = queryAjv.compile(querySchema);
  return async (context) => {
    const query = context.req.query();
    check(checkQuery, query, "query");
    let body: unknown;
    if (checkBody !== undefined) {
      body = await context.req.json().catch(() => {
        throw new HttpProblem(400, "InvalidBody", "the request body is not JSON");
      });
      check(checkBody, body, "body");
    }
    return { path: context.req.param(), query, body };
  };
}

function check(validate: ValidateFunction, value: unknown, what: string): void {
  if (!validate(value)) {
    const [first] = validate.errors ?? [];
    const at = `${what}${first?.instancePath.replaceAll("/", ".") ?? ""}`;
    throw new HttpProblem(400, "InvalidInput", `${at}: ${first?.message ?? "does not fit"}`);
  }
}

async function answer(context: Context, route: Route, request: RouteRequest, log: Log): Promise<Response> {
  const result = route.handle(request);
  if (!(Symbol.asyncIterator in result)) {
    return context.json(((await result) ?? {}) as object);
  }
  context.header("content-type", "application/x-ndjson");
  return stream(context, async (out) => {
    try {
      for await (const line of result) {
        // A write waits for the client, so a slow reader holds back its own tail and nobody else's.
        await out.write(`${JSON.stringify(line)}\n`);
      }
    } catch (error) {
      log.warn("control API stream ended early", { route: route.operationID, error: coerceError(error) });
    }
  });
}

function toProblem(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) {
    return error;
  }
  if (error instanceof UserError) {
    return new HttpProblem(422, error.code, error.message, { why: error.why, next: error.next });
  }
  return new HttpProblem(500, "Internal", "the controller failed to answer", {
    next: "Look for this moment in the controller's log.",
  });
}

function problemResponse(problem: HttpProblem): Response {
  return Response.json(problem.body, { status: problem.status });
}
