import type { IncomingMessage } from "node:http";
import type { MetricRegistry } from "#lib/metrics/registry.ts";
import type { HTTPAnswer } from "../probes/listener.ts";
import type { Access } from "./access.ts";

/** The answerer of `/metrics`. Without `access` everybody who reaches it may read. */
export function metricsAnswerer(registry: MetricRegistry, access: Access | undefined) {
  return async (url: URL, request: IncomingMessage): Promise<HTTPAnswer> => {
    if (url.pathname !== "/metrics") {
      return { status: 404, body: "there is /metrics\n" };
    }
    const verdict = access === undefined ? "allowed" : await access(bearerOf(request));
    switch (verdict) {
      case "unauthorized":
        return { status: 401, body: "unauthorized\n", headers: { "www-authenticate": "Bearer" } };
      case "forbidden":
        return { status: 403, body: "forbidden\n" };
      default:
        return { status: 200, body: await registry.expose(), contentType: registry.contentType };
    }
  };
}

/** RFC 6750 2.1. */
function bearerOf({ headers: { authorization = "" } }: IncomingMessage): string | undefined {
  return /^bearer +([\w.~+/-]+=*)$/i.exec(authorization)?.[1];
}
