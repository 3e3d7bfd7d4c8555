import type { GrantGone, GrantView } from "#wire/control-api.ts";

/** Grants as a watch stream has told them so far. */
export interface Grants {
  readonly byID: ReadonlyMap<string, GrantView>;
  /** Whether the stream has told everything at least once. */
  readonly isComplete: boolean;
  /** Told since the present connection was made; undefined once it has told everything. What is not among them by then is gone. */
  readonly toldAnew: ReadonlySet<string> | undefined;
}

/** What the stream did. `opened`: a new connection will tell everything again. `told`: it has. */
export type GrantsEvent =
  | { readonly kind: "opened" }
  | { readonly kind: "lines"; readonly lines: readonly (GrantView | GrantGone)[] }
  | { readonly kind: "told" };

/** Before the first line. */
export const noGrants: Grants = { byID: new Map(), isComplete: false, toldAnew: new Set() };

/** Grants after an event. What was shown stays until the stream says otherwise, so that a lost connection empties no page. */
export function afterEvent(grants: Grants, event: GrantsEvent): Grants {
  switch (event.kind) {
    case "opened":
      return { ...grants, toldAnew: new Set() };
    case "lines":
      return afterLines(grants, event.lines);
    case "told": {
      const { toldAnew } = grants;
      if (toldAnew === undefined) {
        return grants;
      }
      const byID = new Map([...grants.byID].filter(([grantID]) => toldAnew.has(grantID)));
      return { byID, isComplete: true, toldAnew: undefined };
    }
  }
}

function afterLines(grants: Grants, lines: readonly (GrantView | GrantGone)[]): Grants {
  const byID = new Map(grants.byID);
  const toldAnew = grants.toldAnew === undefined ? undefined : new Set(grants.toldAnew);
  for (const line of lines) {
    if ("gone" in line) {
      byID.delete(line.grantID);
      toldAnew?.delete(line.grantID);
    } else {
      byID.set(line.grantID, line);
      toldAnew?.add(line.grantID);
    }
  }
  return { ...grants, byID, toldAnew };
}

/** All grants, who asked last first. */
export function newestFirst(grants: Iterable<GrantView>): GrantView[] {
  return [...grants].sort((one, other) => (other.requestTime ?? "").localeCompare(one.requestTime ?? ""));
}
