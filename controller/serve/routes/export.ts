import type { ExportScope } from "#audit/export/format.ts";
import type { Grant } from "#kinds/index.ts";
import { defined } from "#lib/defined.ts";
import type { ExportedLine, PublicKey } from "#wire/control-api.ts";
import { callerGrant } from "../grants/caller-view.ts";
import { recordOrRefuse } from "../record-or-refuse.ts";
import { type Caller, callerOf, HttpProblem, type Route, type RouteRequest } from "../route.ts";
import { object, text } from "../schemas.ts";
import type { Services } from "../services.ts";
import { StreamCount } from "../streams/stream-count.ts";
import { findGrant } from "../../source/grant-by-id.ts";
import { viewScope } from "../viewing/view-scope.ts";
import { filterOf, trailQuery } from "./audit-query.ts";

const { grantID, since, until } = trailQuery;
const exportQuery = { grantID, since, until } as const;

/** Exports that may run at once: each reads the whole store once. */
export const exportsMax = 4;

/** Taking the audit trail out, with what proves it. */
export function exportRoutes(services: Services): Route[] {
  return [exportRoute(services), publicKeyRoute(services)];
}

function exportRoute(services: Services): Route {
  const streams = new StreamCount({
    code: "TooManyExports",
    what: "the export of the audit trail",
    most: exportsMax,
    mostOfPerson: exportsMax,
  });
  return {
    method: "GET",
    path: "/v1/audit/export",
    operationID: "exportAudit",
    summary:
      "The trail as it was recorded, with its signed heads: what `sallyport audit verify --export` proves offline. Each line holds one line of the file; one without `line` only says that the export goes on.",
    rule: "auditor",
    query: exportQuery,
    response: object({ line: { type: "string" } }, ["line"]),
    streams: true,
    handle: async (request): Promise<AsyncIterable<ExportedLine>> => {
      const caller = callerOf(request);
      const scope = scopeOf(request.query);
      assertMayExport(services, caller, scope);
      streams.take(caller.userID, request.signal);
      await record(services, caller, scope);
      return services.audit.export(scope, request.signal);
    },
  };
}

function publicKeyRoute({ audit }: Services): Route {
  return {
    method: "GET",
    path: "/v1/audit/public-key",
    operationID: "getAuditPublicKey",
    summary: "The public keys that the audit trail's heads are signed with, for auditors to keep. The first is in use.",
    rule: "person",
    response: object({ keyID: text(128), publicKeyPEM: { type: "string" } }),
    handle: async (): Promise<PublicKey> => audit.publicKey,
  };
}

function scopeOf(query: RouteRequest["query"]): ExportScope {
  const { grantID, since: from, until: to } = filterOf(exportQuery, query);
  if (grantID !== undefined) {
    if (from !== undefined || to !== undefined) {
      throw new HttpProblem(400, "InvalidInput", "query.grantID: a grant's records are exported whole, without a time");
    }
    return { kind: "grant", grantID };
  }
  return from === undefined && to === undefined ? { kind: "all" } : { kind: "range", ...defined({ from, to }) };
}

/** Who may see only some of the statements cannot have all of them. Throws 403. */
function assertMayExport(services: Services, caller: Caller, scope: ExportScope): void {
  const grant = scope.kind === "grant" ? findGrant(services.source, scope.grantID) : undefined;
  const closed = viewScope(services, caller).everybody?.exceptDatabases;
  const seen = grant === undefined ? undefined : callerGrant(services, caller, grant);
  const isAllowed = grant === undefined ? closed?.length === 0 : seen?.viewsStatements === true;
  if (!caller.auditGroup || !isAllowed) {
    const why = caller.auditGroup
      ? whyClosed(scope, grant, closed ?? [])
      : {
          why: "exports are for auditors: neither being an administrator nor having reviewed a grant makes one",
          next: "Ask a member of the auditor group. What you may see yourself is shown by: sallyport audit search",
        };
    throw new HttpProblem(403, "ExportNotShown", `${caller.userName} may not take these records out`, why);
  }
}

/** What keeps an auditor from this part, and what would not. */
function whyClosed(
  scope: ExportScope,
  grant: Grant | undefined,
  closed: readonly string[],
): { readonly why: string; readonly next: string } {
  const policy = "the Database's spec.audit.viewers name Auditor.";
  if (grant !== undefined) {
    const { namespace } = grant.metadata;
    return {
      why: `the grant's database, ${namespace}/${grant.spec.databaseRef.name}, does not show its statements to auditors`,
      next: `Let ${policy}`,
    };
  }
  const these = `these databases do not show their statements to auditors: ${closed.join(", ")}`;
  return scope.kind === "grant"
    ? { why: `whose database it was is not known any more, and ${these}`, next: `Let ${policy}` }
    : { why: these, next: `Export single grants that you may see, with --grant; or let ${policy}` };
}

/** An export that cannot be put on record is not given. */
async function record(services: Services, caller: Caller, scope: ExportScope): Promise<void> {
  const { kind, ...rest } = scope;
  const event = {
    event: "audit.exported",
    actor: { kind: "User", name: caller.userName },
    ...(scope.kind === "grant" ? { grantID: scope.grantID } : {}),
    detail: { scope: kind, ...defined<Record<string, string | undefined>>(rest) } as Record<string, string>,
  } as const;
  await recordOrRefuse(services, event, { code: "ExportNotRecorded", what: "who takes records out" });
}
