import type {
  ConnectInfo,
  Entitlement,
  EntitlementList,
  GrantList,
  GrantRequest,
  GrantRequestResponse,
} from "#wire/control-api.ts";
import type { GrantView } from "#wire/control-api.ts";
import { findGrant } from "../../source/grant-by-id.ts";
import { callerGrant, visibleGrant } from "../grants/caller-view.ts";
import { connectInfo } from "../grants/connect-info.ts";
import { grantStates } from "../grants/grant-view.ts";
import { requestGrant } from "../grants/request-grant.ts";
import { callerOf, type Caller, HttpProblem, type Route } from "../route.ts";
import {
  boolean,
  engine,
  grantIDText,
  grantView,
  instant,
  integer,
  listOf,
  object,
  oneOf,
  stsEndpoint,
  text,
} from "../schemas.ts";
import type { Services } from "../services.ts";

const entitlement = object(
  {
    namespace: text(63),
    database: text(63),
    role: text(63),
    engine,
    databaseName: text(64),
    username: text(63),
    workflow: text(63),
    needsApproval: boolean,
    breakGlass: boolean,
    reason: oneOf("Required", "Optional"),
    maxDurationSeconds: integer(60, 604_800),
    defaultDurationSeconds: integer(60, 604_800),
    localPort: integer(1, 65_535),
    grant: grantView,
  },
  ["localPort", "grant", "breakGlass"],
);
const grantRequest = object(
  {
    namespace: text(63),
    database: text(63),
    role: text(63),
    durationSeconds: integer(60, 604_800),
    reason: text(2048),
    startTime: instant,
    urgency: oneOf("Normal", "BreakGlass"),
    dryRun: boolean,
  },
  ["namespace", "durationSeconds", "reason", "startTime", "urgency", "dryRun"],
);
const grantRequestResponse = object(
  {
    change: oneOf("WillActivate", "WillRequest", "Active", "Pending", "Activating", "Requested"),
    durationSeconds: integer(60, 604_800),
    grant: grantView,
  },
  ["grant"],
);
const connectInfoSchema = object(
  {
    grantID: text(32),
    installation: text(63),
    proxy: text(127),
    target: text(400),
    port: integer(1024, 65_535),
    region: text(32),
    accountID: text(12),
    permissionSet: text(32),
    document: oneOf("AWS-StartPortForwardingSession"),
    engine,
    database: text(63),
    role: text(63),
    databaseName: text(64),
    username: text(63),
    endpoint: object({ host: text(253), port: integer(1, 65_535) }),
    localPort: integer(1, 65_535),
    expiryTime: instant,
    sts: stsEndpoint,
  },
  ["localPort"],
);

/** The path of one grant. */
export const grantPath = { grantID: grantIDText } as const;

/** Asking for access, seeing it, using it. */
export function grantRoutes(services: Services): Route[] {
  return [...askingRoutes(services), ...seeingRoutes(services), connectRoute(services)];
}

function askingRoutes(services: Services): Route[] {
  return [
    {
      method: "GET",
      path: "/v1/databases",
      operationID: "listDatabases",
      summary: "What the caller may ask for, with the caller's own open grant for each.",
      rule: "person",
      query: { namespace: text(63) },
      response: object({ items: listOf(entitlement) }),
      handle: async (request): Promise<EntitlementList> => {
        const caller = callerOf(request);
        const items = await services.entitlements(caller, request.query["namespace"] as string | undefined);
        return { items: items.map((item) => withActions(services, caller, item)) };
      },
    },
    {
      method: "POST",
      path: "/v1/grants",
      operationID: "requestGrant",
      summary: "Asks for access for the caller. With `dryRun` nothing changes and the answer says what would happen.",
      rule: "person",
      body: grantRequest,
      response: grantRequestResponse,
      handle: (request): Promise<GrantRequestResponse> =>
        requestGrant(request.body as GrantRequest, callerOf(request), services),
    },
  ];
}

/** With what the caller may do with their own grant for it. */
function withActions(services: Services, caller: Caller, item: Entitlement): Entitlement {
  const grant = item.grant === undefined ? undefined : findGrant(services.source, item.grant.grantID);
  const seen = grant === undefined ? undefined : callerGrant(services, caller, grant);
  return seen === undefined ? item : { ...item, grant: seen.view() };
}

function seeingRoutes(services: Services): Route[] {
  return [
    {
      method: "GET",
      path: "/v1/grants",
      operationID: "listGrants",
      summary: "The caller's own grants and those they asked for; everybody's for auditors and administrators.",
      rule: "person",
      query: { userName: text(128), database: text(63), state: oneOf(...grantStates) },
      response: object({ items: listOf(grantView) }),
      handle: async (request): Promise<GrantList> => ({
        items: listGrants(services, callerOf(request), request.query),
      }),
    },
    {
      method: "GET",
      path: "/v1/grants/{grantID}",
      operationID: "getGrant",
      summary:
        "One grant: the caller's own, one that they review or asked for, or any for auditors and administrators.",
      rule: "person",
      parameters: grantPath,
      response: grantView,
      handle: async (request): Promise<GrantView> =>
        visibleGrant(services, callerOf(request), request.path["grantID"] ?? "").view(),
    },
  ];
}

function connectRoute(services: Services): Route {
  return {
    method: "GET",
    path: "/v1/grants/{grantID}/connect",
    operationID: "getConnectInfo",
    summary: "How to reach the database now. Only for the grant's own person, while the grant is live.",
    rule: "person",
    parameters: grantPath,
    response: connectInfoSchema,
    handle: async (request): Promise<ConnectInfo> => {
      const { grant, relation } = visibleGrant(services, callerOf(request), request.path["grantID"] ?? "");
      if (!relation.own) {
        throw new HttpProblem(403, "Forbidden", `only ${grant.spec.principal.name} may use this grant`);
      }
      return connectInfo(grant, services);
    },
  };
}

function listGrants(
  services: Services,
  caller: Caller,
  query: Readonly<Record<string, string | number | boolean | undefined>>,
): GrantView[] {
  const { userName, database, state } = query;
  return services.source
    .list("Grant")
    .flatMap(({ object: grant }) => {
      const seen = callerGrant(services, caller, grant);
      const isListed = seen !== undefined && (caller.auditor || seen.relation.own || seen.relation.requester);
      return isListed ? [seen.view()] : [];
    })
    .filter(
      (view) =>
        (userName === undefined || view.userName === userName) &&
        (database === undefined || view.database === database) &&
        (state === undefined || view.state === state),
    )
    .sort(byNewest);
}

/** The newest request first. */
export function byNewest(one: GrantView, other: GrantView): number {
  return (other.requestTime ?? "").localeCompare(one.requestTime ?? "");
}
