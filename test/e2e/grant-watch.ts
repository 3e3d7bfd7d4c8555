import type { PermissionSet, State } from "#sandbox/state.ts";
import type { Observer } from "./kill-points.ts";

/** What AWS holds of one grant, by the name of its Grant object. */
export interface GrantWatch {
  /** Throws at the first moment at which AWS holds what it never may. */
  readonly observe: Observer;
  /** Says what is there that never may be; empty at the end of a good run. */
  readonly violations: readonly string[];
  /** The permission sets that carry the Grant's name in their tags. */
  sets(): PermissionSet[];
  /** The window as it was first written into the tags. */
  firstWindow(): { readonly activation: string; readonly expiry: string } | undefined;
}

/**
 * Watches one Grant in the sandbox's state at every call: at most one permission set, at most one assignment, its policy
 * exactly the one expected or not yet there, and a window that, once written, never moves.
 */
export function watchGrant(state: State, name: string, expectedPolicy: () => string | undefined): GrantWatch {
  const violations = new Set<string>();
  let first: { activation: string; expiry: string } | undefined;
  const sets = (): PermissionSet[] =>
    [...state.permissionSets.values()].filter((set) => set.tags.get("sallyport.dev/name") === name);
  const look = (): string[] => {
    const found = sets();
    const assignments = [...state.assignments.values()].filter(({ permissionSetARN }) =>
      found.some((set) => set.arn === permissionSetARN),
    );
    const [set] = found;
    const window = windowOf(set);
    first ??= window;
    const policy = expectedPolicy();
    return [
      found.length > 1 ? `${found.length} permission sets` : "",
      assignments.length > 1 ? `${assignments.length} assignments` : "",
      set !== undefined && policy !== undefined && !["", policy].includes(set.inlinePolicy) ? "another policy" : "",
      set?.inlinePolicy === "" && assignments.length > 0 ? "an assignment without a policy" : "",
      window !== undefined && (window.activation !== first?.activation || window.expiry > first.expiry)
        ? `the window moved from ${first?.expiry} to ${window.expiry}`
        : "",
    ].filter((violation) => violation !== "");
  };
  return {
    observe(event) {
      for (const violation of look()) {
        violations.add(`${event.phase} ${event.operation}: ${violation}`);
      }
    },
    get violations() {
      return [...violations];
    },
    sets,
    firstWindow: () => first,
  };
}

function windowOf(set: PermissionSet | undefined): { activation: string; expiry: string } | undefined {
  const activation = set?.tags.get("sallyport.dev/activation");
  const expiry = set?.tags.get("sallyport.dev/expiry");
  return activation === undefined || expiry === undefined ? undefined : { activation, expiry };
}
