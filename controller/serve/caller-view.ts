import type { Grant } from "#kinds/index.ts";
import type { GrantView } from "#wire/control-api.ts";
import { findGrant } from "../source/grant-by-id.ts";
import type { Source } from "../source/source.ts";
import { workflowOf } from "./approval.ts";
import { actionsOf, maySee, type Relation, relationOf } from "./grant-access.ts";
import { grantViewOf } from "./grant-view.ts";
import { type CallerOf, HttpProblem } from "./route.ts";
import { mayView, viewersOf } from "./viewing.ts";

type Objects = Pick<Source, "get" | "list">;

/** A Grant as one caller sees it, with what binds them to it; undefined where it does not exist for them. */
export interface CallerGrant {
  readonly grant: Grant;
  readonly relation: Relation;
  /** Whether they may see its statements. */
  readonly viewsStatements: boolean;
  readonly view: () => GrantView;
}

/** What the caller may know of this Grant. */
export function callerGrant(source: Objects, caller: CallerOf, grant: Grant): CallerGrant | undefined {
  const workflow = workflowOf(grant, source);
  const relation = relationOf(caller, grant, workflow);
  if (!maySee(caller, relation)) {
    return undefined;
  }
  const database = source.get("Database", grant.metadata.namespace, grant.spec.databaseRef.name)?.object;
  const viewsStatements = mayView(caller, relation, viewersOf(database));
  return {
    grant,
    relation,
    viewsStatements,
    view: () =>
      grantViewOf(grant, {
        ...(workflow === undefined ? {} : { workflow }),
        actions: actionsOf(caller, grant, relation, viewsStatements),
      }),
  };
}

/** The Grant of that ID. Throws 404 where the caller may not see it, in the words of one that is not there: IDs cannot be probed. */
export function visibleGrant(source: Objects, caller: CallerOf, grantID: string): CallerGrant {
  const grant = findGrant(source, grantID);
  const seen = grant === undefined ? undefined : callerGrant(source, caller, grant);
  if (seen === undefined) {
    throw new HttpProblem(404, "GrantNotFound", `you have no grant ${grantID}`, { next: "sallyport grants list" });
  }
  return seen;
}

/** The Grant as it is now, for the answer to what was just done to it. */
export function viewNow(source: Objects, caller: CallerOf, before: CallerGrant): GrantView {
  const { namespace, name } = before.grant.metadata;
  const now = source.get("Grant", namespace, name)?.object;
  return (now === undefined ? undefined : callerGrant(source, caller, now))?.view() ?? before.view();
}
