import type { Database, Grant } from "#kinds/index.ts";
import type { CallerOf } from "./route.ts";
import type { Relation } from "./grant-access.ts";

/** Who may see the statements of a database, by what binds them to the grant (`Database.spec.audit.viewers`). */
export type Viewer = "Principal" | "Reviewer" | "Auditor";
const everyone: readonly Viewer[] = ["Principal", "Reviewer", "Auditor"];

/** Who may see the statements of this Database. One that says nothing, or is not there any more, lets all three. Pure. */
export function viewersOf(database: Database | undefined): readonly Viewer[] {
  return (database?.spec.audit as { viewers?: readonly Viewer[] } | undefined)?.viewers ?? everyone;
}

/**
 * Whether the caller may see the statements of a Grant. Being an administrator is not enough: what others do in a database is for
 * auditors, who are another group. Who asked for somebody else's access does not see what they do with it. Pure.
 */
export function mayView(
  caller: Pick<CallerOf, "auditGroup">,
  relation: Pick<Relation, "own" | "decided" | "waitingSteps">,
  viewers: readonly Viewer[],
): boolean {
  return (
    (relation.own && viewers.includes("Principal")) ||
    (isReviewer(relation) && viewers.includes("Reviewer")) ||
    (caller.auditGroup && viewers.includes("Auditor"))
  );
}

/** Whose review counted, or is waited for. */
function isReviewer({ decided, waitingSteps }: Pick<Relation, "decided" | "waitingSteps">): boolean {
  return decided || waitingSteps.length > 0;
}

/** The Database of a Grant, `namespace/name`. */
export function databaseKeyOf(grant: Grant): string {
  return `${grant.metadata.namespace}/${grant.spec.databaseRef.name}`;
}
