import type { JsonSchema, Route } from "./route.ts";

/** The OpenAPI 3.1 document of these routes. Deterministic: routes in their order, nothing of the machine. */
export function openApiDocument(routes: readonly Route[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Sallyport control API",
      version,
      description:
        "Callers sign in by a presigned sts:GetCallerIdentity over a nonce (`POST /v1/login/nonce`, `POST /v1/login`) and send the token as a bearer. `x-rule` names who may call an operation.",
    },
    paths,
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  };
}

function operation(route: Route): Record<string, unknown> {
  const pathNames = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "");
  const parameters = [
    ...pathNames.map((name) => ({
      name,
      in: "path",
      required: true,
      schema: route.parameters?.[name] ?? { type: "string" },
    })),
    ...Object.entries(route.query ?? {}).map(([name, schema]) => ({ name, in: "query", schema })),
  ];
  const contentType = route.streams ? "application/x-ndjson" : "application/json";
  return {
    operationId: route.operationID,
    summary: route.summary,
    "x-rule": route.rule,
    ...(route.rule === "public" ? {} : { security: [{ token: [] }] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: route.body } } } }),
    responses: {
      "200": { description: "Done", content: { [contentType]: { schema: route.response } } },
      default: { description: "Refused or failed", content: { "application/json": { schema: errorSchema } } },
    },
  };
}

const part = { type: "string" };
const errorSchema: JsonSchema = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message"],
      properties: { code: part, message: part, why: part, next: part },
    },
  },
};
