import { findGrant } from "../../source/grant-by-id.ts";
import { callerGrant } from "../grants/caller-view.ts";
import { type Caller, HttpProblem } from "../route.ts";
import type { AuditFilter, Services } from "../services.ts";
import { viewScope } from "./view-scope.ts";
import type { Viewings } from "./viewings.ts";

/**
 * What was asked for, narrowed to what the caller may see, and put on record. One who asks for what is not theirs, or is not there, gets
 * nothing, without being told which. Throws 403 where they may see the grant and not its statements.
 */
export async function viewable(
  services: Services,
  viewings: Viewings,
  caller: Caller,
  { what, asked }: { readonly what: string; readonly asked: AuditFilter },
): Promise<AuditFilter> {
  const filter: AuditFilter = { ...asked, visibleTo: viewScope(services, caller) };
  const grantID = asked.grantID ?? (await grantOfSession(services, filter));
  if (grantID === undefined) {
    // A session that they may not see shows nothing, so there is nothing to record.
    await (asked.session === undefined ? viewings.record(caller, { what, filter: { ...asked } }) : undefined);
    return filter;
  }
  const grant = findGrant(services.source, grantID);
  const seen = grant === undefined ? undefined : callerGrant(services, caller, grant);
  if (seen !== undefined && !seen.viewsStatements) {
    throw new HttpProblem(403, "StatementsNotShown", `${caller.userName} may not see the statements of this grant`, {
      why: `the database ${seen.grant.spec.databaseRef.name} shows them to: ${seen.viewers.join(", ") || "nobody"}`,
    });
  }
  if (grant === undefined || seen !== undefined) {
    const { session } = asked;
    await viewings.record(caller, {
      what,
      grantID,
      ...(grant === undefined ? {} : { grant }),
      ...(session === undefined ? {} : { session }),
    });
  }
  return filter;
}

async function grantOfSession({ audit }: Services, { session, visibleTo }: AuditFilter): Promise<string | undefined> {
  if (session === undefined || visibleTo === undefined) {
    return undefined;
  }
  return (await audit.sessions({ session, visibleTo }))[0]?.grantID;
}
