import type { Database } from "#kinds/index.ts";
import type { VisibleTo } from "#audit/store/types.ts";
import { type Known, callerGrant } from "../grants/caller-view.ts";
import type { Caller } from "../route.ts";
import { viewersOf, type Viewer } from "./viewing.ts";

/**
 * Grants that a reviewer sees by name in one search, the newest first. Each is one value of the query; SQLite takes 32,766 of them
 * (sqlite.org/limits.html), Postgres 65,535. Older ones are seen one by one.
 */
export const reviewedGrantsMax = 1_000;

/** Whose statements the caller may see, over all grants, by the Databases and Grants there are now. */
export function viewScope(known: Known, caller: Caller): VisibleTo {
  const databases = known.source.list("Database").map(({ object }) => object);
  const closedTo = (viewer: Viewer): string[] =>
    databases.flatMap((database) => (viewersOf(database).includes(viewer) ? [] : [keyOf(database)]));
  return {
    own: { userName: caller.userName, userID: caller.userID, exceptDatabases: closedTo("Principal") },
    grants: reviewedGrants(known, caller),
    ...(caller.auditGroup ? { everybody: { exceptDatabases: closedTo("Auditor") } } : {}),
  };
}

function reviewedGrants(known: Known, caller: Caller): string[] {
  return known.source
    .list("Grant")
    .flatMap(({ object: grant }) => {
      const { approvals, grantID, requestTime = "" } = grant.status ?? {};
      // Few of thousands of Grants: what binds the caller to the others is not asked.
      if (grantID === undefined || approvals?.some(({ reviewerID }) => reviewerID === caller.userID) !== true) {
        return [];
      }
      const seen = callerGrant(known, caller, grant);
      const isShown = seen !== undefined && seen.relation.decided && seen.viewers.includes("Reviewer");
      return isShown ? [{ grantID, requestTime }] : [];
    })
    .sort((one, other) => other.requestTime.localeCompare(one.requestTime))
    .slice(0, reviewedGrantsMax)
    .map(({ grantID }) => grantID);
}

function keyOf({ metadata }: Database): string {
  return `${metadata.namespace}/${metadata.name}`;
}
