import type { Grant } from "#kinds/index.ts";
import type {
  ConnectInfo,
  EntitlementList,
  GrantList,
  GrantRequest,
  GrantRequestResponse,
  GrantView,
  RevokeRequest,
} from "#wire/control-api.ts";
import { connectInfo } from "../connect-info.ts";
import { grantStates, grantViewOf, isSamePerson } from "../grant-view.ts";
import { requestGrant } from "../request-grant.ts";
import { callerOf, type CallerOf, HttpProblem, type Route } from "../route.ts";
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
import { findGrant } from "../../source/grant-by-id.ts";
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
    reason: oneOf("Required", "Optional"),
    maxDurationSeconds: integer(60, 604_800),
    defaultDurationSeconds: integer(60, 604_800),
    localPort: integer(1, 65_535),
    grant: grantView,
  },
  ["localPort", "grant"],
);
const grantRequest = object(
  {
    namespace: text(63),
    database: text(63),
    role: text(63),
    durationSeconds: integer(60, 604_800),
    reason: text(2048),
    dryRun: boolean,
  },
  ["namespace", "durationSeconds", "reason", "dryRun"],
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

const grantPath = { grantID: grantIDText } as const;

/** Asking for access, seeing it, using it, giving it up. */
export function grantRoutes(services: Services): Route[] {
  return [...askingRoutes(services), ...grantListRoutes(services), ...oneGrantRoutes(services)];
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
      handle: async (request): Promise<EntitlementList> => ({
        items: await services.entitlements(callerOf(request), request.query["namespace"] as string | undefined),
      }),
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

function grantListRoutes(services: Services): Route[] {
  return [
    {
      method: "GET",
      path: "/v1/grants",
      operationID: "listGrants",
      summary: "The caller's own grants; everybody's for auditors and administrators.",
      rule: "person",
      query: { userName: text(128), database: text(63), state: oneOf(...grantStates) },
      response: object({ items: listOf(grantView) }),
      handle: async (request): Promise<GrantList> => ({
        items: listGrants(services, callerOf(request), request.query),
      }),
    },
  ];
}

function oneGrantRoutes(services: Services): Route[] {
  return [
    {
      method: "GET",
      path: "/v1/grants/{grantID}",
      operationID: "getGrant",
      summary: "One grant: the caller's own, or any for auditors and administrators.",
      rule: "person",
      parameters: grantPath,
      response: grantView,
      handle: async (request): Promise<GrantView> =>
        grantViewOf(visibleGrant(services, callerOf(request), request.path["grantID"] ?? "")),
    },
    {
      method: "POST",
      path: "/v1/grants/{grantID}/revoke",
      operationID: "revokeGrant",
      summary: "Ends a grant now: by its own person, its requester or an administrator.",
      rule: "person",
      parameters: grantPath,
      body: object({ reason: text(1024) }),
      response: grantView,
      handle: (request) =>
        revoke(services, callerOf(request), request.path["grantID"] ?? "", request.body as RevokeRequest),
    },
    {
      method: "GET",
      path: "/v1/grants/{grantID}/connect",
      operationID: "getConnectInfo",
      summary: "How to reach the database now. Only for the grant's own person, while the grant is live.",
      rule: "person",
      parameters: grantPath,
      response: connectInfoSchema,
      handle: async (request): Promise<ConnectInfo> => {
        const caller = callerOf(request);
        const grant = visibleGrant(services, caller, request.path["grantID"] ?? "");
        if (!isOwn(grant, caller)) {
          throw new HttpProblem(403, "Forbidden", `only ${grant.spec.principal.name} may use this grant`);
        }
        return connectInfo(grant, services);
      },
    },
  ];
}

function isOwn(grant: Grant, caller: CallerOf): boolean {
  const pinned = grant.status?.principal?.userID;
  return pinned === undefined ? isSamePerson(grant.spec.principal.name, caller.userName) : pinned === caller.userID;
}

/** The grant, if the caller may see it. To others it does not exist, so that IDs cannot be probed. */
function visibleGrant(services: Services, caller: CallerOf, grantID: string): Grant {
  const grant = findGrant(services.source, grantID);
  if (grant === undefined || !(caller.auditor || isOwn(grant, caller) || isRequester(grant, caller))) {
    throw new HttpProblem(404, "GrantNotFound", `you have no grant ${grantID}`, { next: "sallyport grants list" });
  }
  return grant;
}

function isRequester(grant: Grant, caller: CallerOf): boolean {
  const requester = grant.spec.requester?.username;
  return requester !== undefined && isSamePerson(requester, caller.userName);
}

function listGrants(
  services: Services,
  caller: CallerOf,
  query: Readonly<Record<string, string | number | boolean | undefined>>,
): GrantView[] {
  const { userName, database, state } = query;
  return services.source
    .list("Grant")
    .map((stored) => stored.object)
    .filter((grant) => caller.auditor || isOwn(grant, caller) || isRequester(grant, caller))
    .map(grantViewOf)
    .filter(
      (view) =>
        (userName === undefined || view.userName === userName) &&
        (database === undefined || view.database === database) &&
        (state === undefined || view.state === state),
    )
    .sort((one, other) => (other.requestTime ?? "").localeCompare(one.requestTime ?? ""));
}

async function revoke(
  services: Services,
  caller: CallerOf,
  grantID: string,
  request: RevokeRequest,
): Promise<GrantView> {
  const grant = visibleGrant(services, caller, grantID);
  if (!(isOwn(grant, caller) || isRequester(grant, caller) || caller.administrator)) {
    throw new HttpProblem(403, "Forbidden", `${caller.userName} may not end this grant`, {
      why: "its own person, its requester and administrators may",
    });
  }
  if (grant.status?.end === undefined && grant.status?.endRequest === undefined) {
    const time = new Date(services.clock.now()).toISOString();
    const endRequest = { reason: request.reason, by: caller.userName, time };
    await services.source.writeStatus(grant, (status) => ({ ...status, endRequest: status.endRequest ?? endRequest }), {
      notify: true,
    });
  }
  return grantViewOf(findGrant(services.source, grantID) ?? grant);
}
