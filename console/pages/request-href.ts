import type { Entitlement } from "#wire/control-api.ts";
import { hrefOf } from "../router/match.ts";

/** Where a role of a database is asked for. */
export function requestHref({
  namespace,
  database,
  role,
}: Pick<Entitlement, "namespace" | "database" | "role">): string {
  return hrefOf(`/request/${[namespace, database, role].map(encodeURIComponent).join("/")}`);
}
