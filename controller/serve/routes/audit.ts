import { bucketsMax } from "#audit/store/statistics.ts";
import type { StatisticsRange } from "#audit/store/types.ts";
import type { StatementEvent, StatementList, TextLine, VerifyReport } from "#wire/control-api.ts";
import type { Statistics } from "#wire/statistics.ts";
import { withHeartbeats } from "../streams/heartbeat.ts";
import { callerOf, HttpProblem, type JsonSchema, type Route, type RouteRequest } from "../route.ts";
import { anyOf, instant, integer, listOf, object, oneOf, statementEvent, text } from "../schemas.ts";
import type { AuditFilter, Services } from "../services.ts";
import { StreamCount } from "../streams/stream-count.ts";
import { viewable } from "../viewing/viewable.ts";
import { Viewings } from "../viewing/viewings.ts";
import { filterOf, statementQuery } from "./audit-query.ts";

/** A page of search results; a person reads far fewer at once. */
const pageSizeMax = 1_000;
const pageSizeDefault = 100;

/** Each stored batch makes every open tail ask the store once, well below a millisecond: 64 stay below what one ingest costs. */
export const tailsMax = 64;
/** As of events and grants (routes/watch.ts): whoever opens tails of nothing must not keep an auditor from theirs. */
export const tailsOfPersonMax = 16;

/** A quarter: what an auditor looks back at. What it holds is bounded by the number of statements, not by time (audit/store/statistics.ts). */
const statisticsRangeMaxMs = 92 * 24 * 3_600_000;
const statisticsRangeDefaultMs = 3_600_000;
/** Each may take half a second of the store's reading (audit/store/statistics.ts): with 4 a search waits two seconds at worst. */
export const statisticsAtOnceMax = 4;
const bucketsDefault = 60;

const count = integer(0, Number.MAX_SAFE_INTEGER);

const finding = object({ kind: text(64), detail: text(4096), session: text(64), seq: count }, ["session", "seq"]);

const removedRecords = object({ proxy: text(512), task: text(512), toSeq: count, before: instant, wrong: count }, [
  "wrong",
]);
const unanchoredRecords = object({ proxy: text(512), task: text(512), fromSeq: count, toSeq: count });

const statisticsSchema = object({
  since: instant,
  bucketSeconds: integer(1, Number.MAX_SAFE_INTEGER),
  buckets: listOf(object({ statements: count, errors: count, rows: count })),
  slowest: listOf(statementEvent),
  errors: listOf(object({ code: text(16, 0), count, message: { type: "string" } })),
});

/** Narrows a filter to what its caller may see. */
type View = (request: RouteRequest, what: string, asked?: AuditFilter) => Promise<AuditFilter>;

/** Reading the audit trail. Who may see what, the Databases say (`spec.audit.viewers`); who looked, is on record. */
export function auditRoutes(services: Services): Route[] {
  const viewings = new Viewings(services);
  const view: View = (request, what, asked = filterOf(statementQuery, request.query)) =>
    viewable(services, viewings, callerOf(request), { what, asked });
  return [
    searchRoute(services, view),
    tailRoute(services, view),
    statisticsRoute(services, view),
    textRoute(services, view),
    verifyRoute(services),
  ];
}

function searchRoute({ audit }: Services, view: View): Route {
  return {
    method: "GET",
    path: "/v1/audit/statements",
    operationID: "searchStatements",
    summary:
      "Statements that the caller may see, newest first: their own, those of grants that they review; everybody's for auditors. `after` is `next` of the page before.",
    rule: "person",
    query: { ...statementQuery, order: oneOf("newest", "oldest"), after: count, limit: integer(1, pageSizeMax) },
    response: object({ items: listOf(statementEvent), next: count }, ["next"]),
    handle: async (request): Promise<StatementList> =>
      audit.search(await view(request, "statements"), {
        after: Number(request.query["after"] ?? 0),
        limit: Number(request.query["limit"] ?? pageSizeDefault),
        order: request.query["order"] === "oldest" ? "oldest" : "newest",
      }),
  };
}

function tailRoute(services: Services, view: View): Route {
  const streams = new StreamCount({
    code: "TooManyTails",
    what: "the audit trail",
    most: tailsMax,
    mostOfPerson: tailsOfPersonMax,
  });
  return {
    method: "GET",
    path: "/v1/audit/tail",
    operationID: "tailStatements",
    summary:
      "Every record as it is stored. Resumes after any position and drops nothing. Heartbeats say where it stands; it ends with the caller's token.",
    rule: "person",
    query: { ...statementQuery, after: count },
    response: statementEvent,
    streams: true,
    handle: async (request): Promise<AsyncIterable<StatementEvent>> => {
      const filter = await view(request, "tail");
      streams.take(callerOf(request).userID, request.signal);
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

function statisticsRoute({ audit, clock }: Services, view: View): Route {
  let running = 0;
  const bounded = async (filter: AuditFilter, range: StatisticsRange): Promise<Statistics> => {
    if (running >= statisticsAtOnceMax) {
      throw new HttpProblem(503, "TooManyStatistics", `${running} people are being given statistics already`, {
        next: "Try again in a moment.",
      });
    }
    running += 1;
    try {
      return await audit.statistics(filter, range);
    } finally {
      running -= 1;
    }
  };
  return {
    method: "GET",
    path: "/v1/audit/statistics",
    operationID: "getStatistics",
    summary:
      "What charts show of the statements that the caller may see, of the last hour unless `since` and `until` say otherwise.",
    rule: "person",
    query: { ...statementQuery, buckets: integer(1, bucketsMax) },
    response: statisticsSchema,
    handle: async (request): Promise<Statistics> => {
      const { since: from, until: to, ...asked } = filterOf(statementQuery, request.query);
      const endMs = to === undefined ? clock.now() : Date.parse(to);
      const startMs = from === undefined ? endMs - statisticsRangeDefaultMs : Date.parse(from);
      const rangeMs = endMs - startMs;
      if (!(rangeMs > 0 && rangeMs <= statisticsRangeMaxMs)) {
        throw new HttpProblem(400, "InvalidInput", "query.since: must be before `until`, by 92 days at most");
      }
      const buckets = Number(request.query["buckets"] ?? bucketsDefault);
      const bucketSeconds = Math.max(1, Math.ceil(rangeMs / 1_000 / buckets));
      const range = { from: new Date(startMs).toISOString(), to: new Date(endMs).toISOString(), bucketSeconds };
      return bounded(await view(request, "statistics", asked), range);
    },
  };
}

function textRoute({ audit }: Services, view: View): Route {
  const line: JsonSchema = anyOf(
    object({ data: { type: "string" } }),
    object({ base64: { type: "string" } }),
    object({ complete: { type: "boolean", const: true }, bytes: count }),
  );
  return {
    method: "GET",
    path: "/v1/audit/texts/{session}/{text}",
    operationID: "getText",
    summary:
      "A text that is too large for its statement's record (`sqlText`), piece by piece. A stream without a last line `complete` was cut off.",
    rule: "person",
    parameters: { session: text(64), text: integer(1, Number.MAX_SAFE_INTEGER) },
    response: line,
    streams: true,
    handle: async (request): Promise<AsyncIterable<TextLine>> => {
      const session = request.path["session"] ?? "";
      const filter = await view(request, "text", { session });
      if ((await audit.sessions(filter)).length === 0) {
        throw new HttpProblem(404, "SessionNotFound", `you have no session ${session}`);
      }
      return audit.text(filter, Number(request.path["text"]));
    },
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
    response: object(
      {
        verdict: oneOf("complete", "consistent, unanchored", "broken"),
        records: count,
        sessions: count,
        findings: listOf(finding),
        removed: listOf(removedRecords),
        unanchored: listOf(unanchoredRecords),
      },
      ["removed", "unanchored"],
    ),
    // It reads the whole trail: whoever asks meanwhile gets the same answer.
    handle: () => (running ??= audit.verify().finally(() => (running = undefined))),
  };
}
