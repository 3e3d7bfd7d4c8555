import { Ajv, type ValidateFunction } from "ajv";
import type { Context } from "hono";
import { readJSON } from "./body.ts";
import { HttpProblem, type JsonSchema, type Route, type RouteRequest } from "./route.ts";

/** The parts of a request that a route's schemas describe. */
export type Input = Pick<RouteRequest, "path" | "query" | "body">;

/** A proof with its session token is the largest body, below 10 KiB. */
export const bodyBytesMax = 64 * 1024;

const options = { strict: false, allErrors: false, validateFormats: false } as const;
const ajv = new Ajv(options);
/** Queries and paths are text; numbers in them are read as such. */
const textAjv = new Ajv({ ...options, coerceTypes: true });

/** Makes the reader of a route's input. The reader throws `HttpProblem` 400 with the place of the first thing that does not fit. */
export function inputReader(route: Route): (context: Context) => Promise<Input> {
  const checkBody = route.body === undefined ? undefined : ajv.compile(route.body);
  const checkQuery = textAjv.compile(textSchema(route.query ?? {}, false));
  const checkPath = textAjv.compile(textSchema(route.parameters ?? {}, true));
  return async (context) => {
    const path: Record<string, string> = { ...context.req.param() };
    check(checkPath, path, "path");
    const query = context.req.query();
    check(checkQuery, query, "query");
    if (checkBody === undefined) {
      return { path, query, body: undefined };
    }
    const body = await readJSON(context, bodyBytesMax);
    check(checkBody, body, "body");
    return { path, query, body };
  };
}

function textSchema(properties: Readonly<Record<string, JsonSchema>>, additionalProperties: boolean): JsonSchema {
  return { type: "object", additionalProperties, properties };
}

function check(validate: ValidateFunction, value: unknown, what: string): void {
  if (!validate(value)) {
    const [first] = validate.errors ?? [];
    const at = `${what}${first?.instancePath.replaceAll("/", ".") ?? ""}`;
    throw new HttpProblem(400, "InvalidInput", `${at}: ${first?.message ?? "does not fit"}`);
  }
}
