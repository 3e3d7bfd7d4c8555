import { AwsError, type Service } from "../service.ts";
import { type FormValue, unfold } from "./form.ts";
import { decodePairs, type HttpRequest } from "./request.ts";
import { readClaim } from "./sigv4.ts";

/** Where a request goes: the operation may be one that the service does not have. */
export interface Route {
  readonly service: Service;
  readonly operation: string;
  readonly input: Record<string, unknown>;
}

/** Finds the service and the operation of a request, or the error that AWS would answer and the service it is answered by, if known. */
export function route(request: HttpRequest, services: readonly Service[]): Route | RouteProblem {
  const target = request.headers["x-amz-target"];
  if (target !== undefined) {
    return jsonRoute(target, request, services);
  }
  return restRoute(request, services) ?? queryRoute(request, services) ?? nowhere(request, services);
}

/** A request that no operation takes. */
export interface RouteProblem {
  readonly service: Service | undefined;
  readonly error: AwsError;
}

function jsonRoute(target: string, request: HttpRequest, services: readonly Service[]): Route | RouteProblem {
  const dot = target.lastIndexOf(".");
  const prefix = target.slice(0, Math.max(dot, 0));
  const service = services.find((one) => one.protocol === "json" && one.target === prefix);
  const operation = target.slice(dot + 1);
  if (service === undefined || !Object.hasOwn(service.operations, operation)) {
    return { service, error: new AwsError("UnknownOperationException", `The sandbox has no operation ${target}.`) };
  }
  const input = parseObject(request.body);
  return input === undefined
    ? { service, error: new AwsError("SerializationException", "The request body is not a JSON object.") }
    : { service, operation, input };
}

function restRoute(request: HttpRequest, services: readonly Service[]): Route | RouteProblem | undefined {
  for (const service of services) {
    for (const one of service.routes ?? []) {
      const parameters = one.method === request.method ? matchPath(one.path, request.path) : undefined;
      if (service.protocol !== "rest-json" || parameters === undefined) {
        continue;
      }
      const body = request.body.length === 0 ? {} : parseObject(request.body);
      const query = pairsOf(request.query);
      return body === undefined || query === undefined
        ? { service, error: new AwsError("InvalidRequestException", "The request is not valid JSON.") }
        : { service, operation: one.operation, input: { ...body, ...Object.fromEntries(query), ...parameters } };
    }
  }
  return undefined;
}

function queryRoute(request: HttpRequest, services: readonly Service[]): Route | RouteProblem | undefined {
  const pairs = pairsOf(request.query);
  const formPairs = request.method === "POST" ? pairsOf(request.body.toString("utf8")) : [];
  const fields = pairs === undefined || formPairs === undefined ? undefined : unfold([...pairs, ...formPairs]);
  if (fields === undefined || typeof fields["Action"] !== "string") {
    return undefined;
  }
  const { Action: operation, Version: version, ...rest } = fields;
  const service = services.find((one) => one.protocol === "query" && one.target === version);
  if (service === undefined || !Object.hasOwn(service.operations, operation)) {
    const error = new AwsError("InvalidAction", `Could not find operation ${operation} for version ${String(version)}`);
    return { service: service ?? services.find((one) => one.protocol === "query"), error };
  }
  return { service, operation, input: withoutSignature(rest) };
}

/** A request that names no operation: the signature may still say which service was meant, so that the answer is in its protocol. */
function nowhere(request: HttpRequest, services: readonly Service[]): RouteProblem {
  const claim = readClaim(request);
  const scope = typeof claim === "object" && "scopeService" in claim ? claim.scopeService : undefined;
  const service = services.find((one) => one.signingName === scope);
  const what = `${request.method} ${request.path}`;
  return service?.protocol === "query"
    ? { service, error: new AwsError("MissingAction", `No operation is named in ${what}.`) }
    : { service, error: new AwsError("UnknownOperationException", `The sandbox has no operation at ${what}.`, 404) };
}

/** Path parameters of a route such as `/tasks/{id}`; undefined when it is another path. */
function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split("/");
  const given = path.split("/");
  const parameters: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index];
    if (value === undefined || (!part.startsWith("{") && part !== value)) {
      return undefined;
    }
    if (part.startsWith("{")) {
      parameters[part.slice(1, -1)] = value;
    }
  }
  return wanted.length === given.length ? parameters : undefined;
}

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function pairsOf(text: string): [string, string][] | undefined {
  try {
    return decodePairs(text);
  } catch {
    return undefined;
  }
}

function withoutSignature(fields: Record<string, FormValue>): Record<string, FormValue> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !name.startsWith("X-Amz-")));
}
