import type { IncomingMessage } from "node:http";
import type { Match, Verb } from "./kube-fault-proxy-faults.ts";
import type { SeenRequest } from "./kube-fault-proxy.ts";

/** Reads verb and path of a request as the API server would. */
export function seenRequest(request: IncomingMessage, connection: number): SeenRequest {
  const url = new URL(request.url ?? "/", "https://api");
  const method = request.method ?? "GET";
  const { pathname: path, searchParams: query } = url;
  return { verb: verbOf(method, path, query), method, path, query, headers: request.headers, connection };
}

/** Whether a request is one of those that are meant. */
export function matches(request: Pick<SeenRequest, "verb" | "path">, match: Match = {}): boolean {
  if (match.verb !== undefined && match.verb !== request.verb) {
    return false;
  }
  const { path } = match;
  return path === undefined || (typeof path === "string" ? request.path.includes(path) : path.test(request.path));
}

function verbOf(method: string, path: string, query: URLSearchParams): Verb {
  const isNamed = namesObject(path);
  switch (method) {
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return isNamed ? "delete" : "deletecollection";
    default:
      if (["true", "1"].includes(query.get("watch") ?? "")) {
        return "watch";
      }
      return isNamed ? "get" : "list";
  }
}

/** `/api/v1/…` and `/apis/GROUP/VERSION/…` go on with `RESOURCE[/NAME]`, in a namespace `namespaces/NAMESPACE/RESOURCE[/NAME]`; all else is one thing. */
function namesObject(path: string): boolean {
  const [root, ...steps] = path.split("/").filter((step) => step !== "");
  const inVersion = root === "api" ? steps.slice(1) : root === "apis" ? steps.slice(2) : ["", ""];
  const resource = inVersion[0] === "namespaces" && inVersion.length > 2 ? inVersion.slice(2) : inVersion;
  return resource.length !== 1;
}
