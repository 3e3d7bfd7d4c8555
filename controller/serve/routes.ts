import type { Groups } from "./app.ts";
import type { Nonces } from "./auth/nonces.ts";
import type { Tokens } from "./auth/tokens.ts";
import { openApiDocument } from "./openapi.ts";
import type { Route } from "./route.ts";
import { auditRoutes } from "./routes/audit.ts";
import { eventRoutes } from "./routes/events.ts";
import { exportRoutes } from "./routes/export.ts";
import { fleetRoute } from "./routes/fleet.ts";
import { grantRoutes } from "./routes/grants.ts";
import { logoutRoute, meRoute } from "./routes/me.ts";
import { operationRoutes } from "./routes/operations.ts";
import { reviewRoutes } from "./routes/reviews.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { signInRoutes } from "./routes/sign-in.ts";
import { watchRoutes } from "./routes/watch.ts";
import type { Services } from "./services.ts";

export interface RouteOptions {
  readonly services: Services;
  readonly nonces: Nonces;
  readonly tokens: Tokens;
  readonly groups: Groups;
  /** Version of this software, shown in the OpenAPI document. */
  readonly version: string;
  /** Whether the reconcile loop hangs, so that the process should be restarted. */
  readonly isStuck: () => boolean;
  /** Ways to sign in besides the identity proof. */
  readonly signIn?: readonly Route[];
}

/** All routes of the control API, in the order of its document. */
export function controlRoutes(options: RouteOptions): Route[] {
  const { services, nonces, tokens, groups, version, isStuck } = options;
  const routes: Route[] = [
    ...signInRoutes(services, nonces, tokens, groups),
    ...(options.signIn ?? []),
    meRoute(services),
    logoutRoute(),
    // Before the routes of one grant, which would take `watch` for its ID.
    ...watchRoutes(services),
    ...grantRoutes(services),
    ...reviewRoutes(services),
    ...eventRoutes(services),
    ...sessionRoutes(services),
    ...auditRoutes(services),
    ...exportRoutes(services),
    fleetRoute(services),
    ...operationRoutes(services, () => openApiDocument(routes, version), isStuck),
  ];
  return routes;
}
