import { defined } from "#lib/defined.ts";
import type { SessionList, StatementEvent, StatementList, VerifyReport } from "#wire/control-api.ts";
import { withHeartbeats } from "../heartbeat.ts";
import { callerOf, HttpProblem, type Route, type RouteRequest } from "../route.ts";
import { grantIDText, instant, integer, listOf, object, oneOf, statementEvent, text } from "../schemas.ts";
import type { AuditFilter, Services } from "../services.ts";

/** A page of search results; a person reads far fewer at once. */
const pageSizeMax = 1_000;
const pageSizeDefault = 100;

/** Each stored batch makes every open tail ask the store once, well below a millisecond: 64 stay below what one ingest costs. */
export const tailsMax = 64;

const filterQuery = {
  userName: text(128),
  grantID: grantIDText,
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

const session = object(
  {
    session: text(64),
    grantID: text(32),
    userName: text(128),
    database: text(128),
    role: text(63),
    startTime: text(32, 0),
    endTime: instant,
    statements: integer(0, Number.MAX_SAFE_INTEGER),
    closeReason: text(256, 0),
  },
  ["endTime", "closeReason"],
);

/** Reading the audit trail. Everybody sees what was done under their own grants; auditors see all. */
export function auditRoutes(services: Services): Route[] {
  return [searchRoute(services), tailRoute(services), sessionsRoute(services), verifyRoute(services)];
}

function searchRoute({ audit }: Services): Route {
  return {
    method: "GET",
    path: "/v1/audit/statements",
    operationID: "searchStatements",
    summary:
      "Statements, newest first: the caller's own; everybody's for auditors. `after` is `next` of the page before.",
    rule: "person",
    query: { ...filterQuery, after: integer(0, Number.MAX_SAFE_INTEGER), limit: integer(1, pageSizeMax) },
    response: object({ items: listOf(statementEvent), next: integer(0, Number.MAX_SAFE_INTEGER) }, ["next"]),
    handle: (request): Promise<StatementList> =>
      audit.search(visibleFilter(request), {
        after: Number(request.query["after"] ?? 0),
        limit: Number(request.query["limit"] ?? pageSizeDefault),
      }),
  };
}

function tailRoute(services: Services): Route {
  let open = 0;
  return {
    method: "GET",
    path: "/v1/audit/tail",
    operationID: "tailStatements",
    summary:
      "Every record as it is stored. Resumes after any position and drops nothing. Heartbeats say where it stands; it ends with the caller's token.",
    rule: "person",
    query: { ...filterQuery, after: integer(0, Number.MAX_SAFE_INTEGER) },
    response: statementEvent,
    streams: true,
    handle: (request): AsyncIterable<StatementEvent> => {
      const filter = visibleFilter(request);
      if (open >= tailsMax) {
        throw new HttpProblem(503, "TooManyTails", `${open} people follow the audit trail already`, {
          next: "Try again later, or search: sallyport audit search",
        });
      }
      open += 1;
      request.signal.addEventListener("abort", () => (open -= 1), { once: true });
      const after = request.query["after"];
      return tailFrom(services, filter, after === undefined ? undefined : Number(after), request.signal);
    },
  };
}

async function* tailFrom(
  { audit, clock }: Services,
  filter: AuditFilter,
  after: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<StatementEvent, void, void> {
  // As a number, so that a tail which is lost before its first event resumes where it began.
  const position = after ?? (await audit.newest());
  yield* withHeartbeats(audit.tail(filter, position, signal), position, clock);
}

function sessionsRoute({ audit }: Services): Route {
  return {
    method: "GET",
    path: "/v1/sessions",
    operationID: "listSessions",
    summary: "Database sessions: the caller's own; everybody's for auditors.",
    rule: "person",
    query: filterQuery,
    response: object({ items: listOf(session) }),
    handle: async (request): Promise<SessionList> => ({ items: await audit.sessions(visibleFilter(request)) }),
  };
}

function verifyRoute({ audit }: Services): Route {
  let running: Promise<VerifyReport> | undefined;
  return {
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
    // It reads the whole trail: whoever asks meanwhile gets the same answer.
    handle: () => (running ??= audit.verify().finally(() => (running = undefined))),
  };
}

/** The filter that was asked for, narrowed to the caller's own where the caller is no auditor. */
function visibleFilter(request: RouteRequest): AuditFilter {
  const caller = callerOf(request);
  const names = Object.keys(filterQuery) as (keyof AuditFilter)[];
  const asked: AuditFilter = defined(
    Object.fromEntries(names.map((name) => [name, request.query[name] as string | undefined])),
  );
  checkInstant("since", asked.since);
  checkInstant("until", asked.until);
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

/** The schema sees the form only: 2026-02-31 has it. */
function checkInstant(name: string, text: string | undefined): void {
  if (text !== undefined && Number.isNaN(Date.parse(text))) {
    throw new HttpProblem(400, "InvalidInput", `query.${name}: is no instant`);
  }
}
