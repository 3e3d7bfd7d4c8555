import { defined } from "#lib/defined.ts";
import type { SessionList, StatementEvent, StatementList } from "#wire/control-api.ts";
import { callerOf, HttpProblem, type Route, type RouteRequest } from "../route.ts";
import { instant, integer, listOf, object, oneOf, statementEvent, text } from "../schemas.ts";
import type { AuditFilter, Services } from "../services.ts";

/** A page of search results; a person reads far fewer at once. */
const pageSizeMax = 1_000;
const pageSizeDefault = 100;

const filterQuery = {
  userName: text(128),
  grantID: text(32),
  database: text(128),
  session: text(64),
  text: text(1024),
  since: instant,
  until: instant,
} as const;

const finding = object(
  { kind: text(64), detail: text(4096), session: text(64), seq: integer(0, Number.MAX_SAFE_INTEGER) },
  ["session", "seq"],
);

/** Reading the audit trail. Everybody sees what was done under their own grants; auditors see all. */
export function auditRoutes(services: Services): Route[] {
  return [
    {
      method: "GET",
      path: "/v1/audit/statements",
      operationID: "searchStatements",
      summary: "Statements in the order they were stored: the caller's own; everybody's for auditors.",
      rule: "person",
      query: { ...filterQuery, after: integer(0, Number.MAX_SAFE_INTEGER), limit: integer(1, pageSizeMax) },
      response: object({ items: listOf(statementEvent), next: integer(0, Number.MAX_SAFE_INTEGER) }, ["next"]),
      handle: (request): Promise<StatementList> =>
        services.audit.search(visibleFilter(request), {
          after: Number(request.query["after"] ?? 0),
          limit: Number(request.query["limit"] ?? pageSizeDefault),
        }),
    },
    {
      method: "GET",
      path: "/v1/audit/tail",
      operationID: "tailStatements",
      summary: "The same, as it happens. Resumes after any position and drops nothing.",
      rule: "person",
      query: { ...filterQuery, after: { type: "integer", minimum: 0 } },
      response: statementEvent,
      streams: true,
      handle: (request): AsyncIterable<StatementEvent> => {
        const after = request.query["after"];
        return services.audit.tail(visibleFilter(request), after === undefined ? "now" : Number(after), request.signal);
      },
    },
    {
      method: "GET",
      path: "/v1/sessions",
      operationID: "listSessions",
      summary: "Database sessions: the caller's own; everybody's for auditors.",
      rule: "person",
      query: filterQuery,
      response: object({
        items: listOf(
          object(
            {
              session: text(64),
              grantID: text(32),
              userName: text(128),
              database: text(128),
              role: text(63),
              startTime: instant,
              endTime: instant,
              statements: integer(0, Number.MAX_SAFE_INTEGER),
              closeReason: text(256, 0),
            },
            ["endTime", "closeReason"],
          ),
        ),
      }),
      handle: async (request): Promise<SessionList> => ({
        items: await services.audit.sessions(visibleFilter(request)),
      }),
    },
    {
      method: "POST",
      path: "/v1/audit/verify",
      operationID: "verifyAudit",
      summary: "Checks every chain of the stored trail against the signed heads.",
      rule: "auditor",
      response: object({
        verdict: oneOf("complete", "consistent, unanchored", "broken"),
        records: integer(0, Number.MAX_SAFE_INTEGER),
        sessions: integer(0, Number.MAX_SAFE_INTEGER),
        findings: listOf(finding),
      }),
      handle: () => services.audit.verify(),
    },
  ];
}

/** The filter that was asked for, narrowed to the caller's own where the caller is no auditor. */
function visibleFilter(request: RouteRequest): AuditFilter {
  const caller = callerOf(request);
  const names = Object.keys(filterQuery) as (keyof AuditFilter)[];
  const asked: AuditFilter = defined(
    Object.fromEntries(names.map((name) => [name, request.query[name] as string | undefined])),
  );
  if (caller.auditor) {
    return asked;
  }
  if (asked.userName !== undefined && asked.userName !== caller.userName) {
    throw new HttpProblem(403, "Forbidden", "you may see your own statements only", {
      why: "seeing other people's takes a member of the auditor group",
    });
  }
  return { ...asked, userName: caller.userName };
}
