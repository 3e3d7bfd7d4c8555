import type { Grant } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import type { GrantView } from "#wire/control-api.ts";
import { findGrant } from "../../source/grant-by-id.ts";
import type { Source } from "../../source/source.ts";
import { workflowOf } from "./approval.ts";
import { actionsOf, maySee, type Relation, relationOf } from "./grant-access.ts";
import { grantViewOf } from "./grant-view.ts";
import { type Caller, HttpProblem } from "../route.ts";
import { mayView, type Viewer, viewersOf } from "../viewing/viewing.ts";

/** What there is, and the time that deadlines are compared with. */
export interface Known {
  readonly source: Pick<Source, "get" | "list">;
  readonly clock: Pick<Clock, "now">;
}

/** A Grant as one caller sees it, with what binds them to it; undefined where it does not exist for them. */
export interface CallerGrant {
  readonly grant: Grant;
  readonly relation: Relation;
  /** Who may see the statements of its Database. */
  readonly viewers: readonly Viewer[];
  /** Whether they may see its statements. */
  readonly viewsStatements: boolean;
  readonly view: () => GrantView;
}

/** What the caller may know of this Grant. */
export function callerGrant(known: Known, caller: Caller, grant: Grant): CallerGrant | undefined {
  const { source, clock } = known;
  const workflow = workflowOf(grant, source);
  const relation = relationOf(caller, grant, workflow, clock.now());
  if (!maySee(caller, relation)) {
    return undefined;
  }
  const database = source.get("Database", grant.metadata.namespace, grant.spec.databaseRef.name)?.object;
  const viewers = viewersOf(database);
  const viewsStatements = mayView(caller, relation, viewers);
  return {
    grant,
    relation,
    viewers,
    viewsStatements,
    view: () =>
      grantViewOf(grant, {
        ...(workflow === undefined ? {} : { workflow }),
        actions: actionsOf(caller, grant, relation, { viewsStatements, now: clock.now() }),
      }),
  };
}

/** The Grant of that ID. Throws 404 where the caller may not see it, in the words of one that is not there: IDs cannot be probed. */
export function visibleGrant(known: Known, caller: Caller, grantID: string): CallerGrant {
  const grant = findGrant(known.source, grantID);
  const seen = grant === undefined ? undefined : callerGrant(known, caller, grant);
  if (seen === undefined) {
    throw new HttpProblem(404, "GrantNotFound", `you have no grant ${grantID}`, { next: "sallyport grants list" });
  }
  return seen;
}

/** The Grant as it is now, for the answer to what was just done to it. */
export function viewNow(known: Known, caller: Caller, before: CallerGrant): GrantView {
  const { namespace, name } = before.grant.metadata;
  const now = known.source.get("Grant", namespace, name)?.object;
  return (now === undefined ? undefined : callerGrant(known, caller, now))?.view() ?? before.view();
}
