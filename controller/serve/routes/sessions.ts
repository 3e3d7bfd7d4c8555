import { defined } from "#lib/defined.ts";
import { coerceError } from "#lib/errors.ts";
import type { KillRequest, KillResponse, SessionList, SessionView } from "#wire/control-api.ts";
import { findGrant } from "../../source/grant-by-id.ts";
import { callerGrant } from "../grants/caller-view.ts";
import { isOwn } from "../grants/grant-access.ts";
import { callerOf, type Caller, HttpProblem, type Route } from "../route.ts";
import { boolean, instant, integer, listOf, object, oneOf, text } from "../schemas.ts";
import type { AuditFilter, Services } from "../services.ts";
import { viewScope } from "../viewing/view-scope.ts";
import { subjectOf } from "../viewing/viewings.ts";
import { filterOf, trailQuery } from "./audit-query.ts";

const filterQuery = { ...trailQuery, open: boolean } as const;

const sessionSchema = object(
  {
    session: text(64),
    grantID: text(32, 0),
    userName: text(128, 0),
    database: text(128, 0),
    role: text(63, 0),
    startTime: text(32, 0),
    endTime: instant,
    statements: integer(0, Number.MAX_SAFE_INTEGER),
    closeReason: text(256, 0),
    storeSeq: integer(1, Number.MAX_SAFE_INTEGER),
  },
  ["endTime", "closeReason", "storeSeq"],
);
const sessionPath = { session: text(64) } as const;

/**
 * Database sessions, and ending one. That there was a session, and how many statements it had, shows no statement: administrators see it
 * of everybody, since they may end any, and it is not put on record.
 */
export function sessionRoutes(services: Services): Route[] {
  return [
    {
      method: "GET",
      path: "/v1/sessions",
      operationID: "listSessions",
      summary:
        "Database sessions, newest first: the caller's own, those of grants that they review; everybody's for auditors and administrators.",
      rule: "person",
      query: filterQuery,
      response: object({ items: listOf(sessionSchema) }),
      handle: async (request): Promise<SessionList> => {
        const asked = filterOf(filterQuery, request.query);
        return { items: await services.audit.sessions({ ...asked, ...scopeOf(services, callerOf(request)) }) };
      },
    },
    {
      method: "GET",
      path: "/v1/sessions/{session}",
      operationID: "getSession",
      summary: "One database session, of those that the caller may see.",
      rule: "person",
      parameters: sessionPath,
      response: sessionSchema,
      handle: (request): Promise<SessionView> =>
        visibleSession(services, callerOf(request), request.path["session"] ?? ""),
    },
    {
      method: "POST",
      path: "/v1/sessions/{session}/kill",
      operationID: "killSession",
      summary:
        "Cancels what the session runs and closes it, with the reason in its client. By the grant's own person and administrators. The grant goes on.",
      rule: "person",
      parameters: sessionPath,
      body: object({ reason: text(1024) }),
      response: object({ session: text(64), backend: oneOf("gone", "alive", "unknown") }),
      handle: (request): Promise<KillResponse> =>
        kill(services, callerOf(request), request.path["session"] ?? "", request.body as KillRequest),
    },
  ];
}

function scopeOf(services: Services, caller: Caller): Pick<AuditFilter, "visibleTo"> {
  const scope = viewScope(services, caller);
  return { visibleTo: caller.administrator ? { ...scope, everybody: { exceptDatabases: [] } } : scope };
}

/** Throws 404 in the same words for one that is not theirs to see and one that is not there. */
async function visibleSession(services: Services, caller: Caller, session: string): Promise<SessionView> {
  const [found] = await services.audit.sessions({ session, ...scopeOf(services, caller) });
  if (found === undefined) {
    throw new HttpProblem(404, "SessionNotFound", `you have no session ${session}`, { next: "sallyport sessions" });
  }
  return found;
}

async function kill(
  services: Services,
  caller: Caller,
  session: string,
  { reason }: KillRequest,
): Promise<KillResponse> {
  const grant = await killable(services, caller, session);
  const outcome = await services.killSession(grant, session, `${caller.userName} ended this session: ${reason}`);
  await record(services, caller, { grant, session, reason, outcome });
  switch (outcome) {
    case "gone":
    case "alive":
    case "unknown":
      return { session, backend: outcome };
    case "unknown-session":
      throw new HttpProblem(409, "SessionOver", "the proxy has no such session any more");
    case "no-answer":
      throw new HttpProblem(503, "ProxyDoesNotAnswer", "the proxy did not confirm that the session ended", {
        why: "its task is not linked now, is busy, or is older than this request",
        next: "Try again; to be sure that all access ends, end the grant: sallyport revoke",
      });
  }
}

type KilledGrant = NonNullable<ReturnType<typeof findGrant>>;

/** The Grant of a session that the caller may end. Throws where there is none. */
async function killable(services: Services, caller: Caller, session: string): Promise<KilledGrant> {
  const [found] = await services.audit.sessions({ session });
  const grant = findGrant(services.source, found?.grantID ?? "");
  const mayKill = grant !== undefined && (caller.administrator || isOwn(grant, caller));
  if (found === undefined || !mayKill) {
    const isSeen = grant !== undefined && callerGrant(services, caller, grant) !== undefined;
    throw found !== undefined && isSeen
      ? new HttpProblem(403, "Forbidden", `${caller.userName} may not end this session`, {
          why: "the grant's own person and administrators may",
        })
      : new HttpProblem(404, "SessionNotFound", `you have no session ${session}`, { next: "sallyport sessions" });
  }
  if (found.endTime !== undefined) {
    throw new HttpProblem(409, "SessionOver", "the session is over", { why: found.closeReason ?? "" });
  }
  return grant;
}

/** A session's end never waits for its record: the session's own last record tells of it too. */
async function record(
  { trail, log }: Services,
  caller: Caller,
  killed: { readonly grant: KilledGrant; readonly session: string; readonly reason: string; readonly outcome: string },
): Promise<void> {
  const { grant, session, reason, outcome } = killed;
  try {
    await trail.record({
      event: "session.killed",
      actor: { kind: "User", name: caller.userName },
      ...defined({ grantID: grant.status?.grantID }),
      ...subjectOf(grant),
      session,
      detail: { reason, outcome },
    });
  } catch (error) {
    log.error("the end of a session could not be recorded", { session, error: coerceError(error) });
  }
}
