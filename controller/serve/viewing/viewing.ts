import type { Database } from "#kinds/index.ts";
import type { Caller } from "../route.ts";
import type { Relation } from "../grants/grant-access.ts";

/** Who may see the statements of a database, by what binds them to the grant (`Database.spec.audit.viewers`). */
export type Viewer = "Principal" | "Reviewer" | "Auditor";
const everyone: readonly Viewer[] = ["Principal", "Reviewer", "Auditor"];

/** Who may see the statements of this Database. One that says nothing, or is not there any more, lets all three. Pure. */
export function viewersOf(database: Database | undefined): readonly Viewer[] {
  return database?.spec.audit?.viewers ?? everyone;
}

/**
 * Whether the caller may see the statements of a Grant. Being an administrator is not enough: what others do in a database is for
 * auditors, who are another group. A reviewer is whose review counted: whom a workflow merely names sees no statement. Who asked for somebody else's access does not see what they do with it. Pure.
 */
export function mayView(
  caller: Pick<Caller, "auditGroup">,
  relation: Pick<Relation, "own" | "decided">,
  viewers: readonly Viewer[],
): boolean {
  return (
    (relation.own && viewers.includes("Principal")) ||
    (relation.decided && viewers.includes("Reviewer")) ||
    (caller.auditGroup && viewers.includes("Auditor"))
  );
}
