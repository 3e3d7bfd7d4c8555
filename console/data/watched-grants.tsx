import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useReducer, useState } from "preact/hooks";
import type { GrantGone, GrantView } from "#wire/control-api.ts";
import type { StreamState } from "../api/follow.ts";
import type { Problem } from "../api/problem.ts";
import { useApi, useSession } from "../session/session.tsx";
import { afterEvent, type Grants, type GrantsEvent, noGrants } from "./grants.ts";

/** Grants as they are now, and how the stream is that tells of them. */
export interface WatchedGrants extends Grants {
  readonly state: StreamState;
  /** Why the stream is not live. */
  readonly problem: Problem | undefined;
}

/** Follows a watch of the control API while the component is shown. Undefined `path`: does not. */
export function useWatchedGrants(path: string | undefined): WatchedGrants {
  const api = useApi();
  const [grants, tell] = useReducer<Grants, GrantsEvent>(afterEvent, noGrants);
  const [stream, setStream] = useState<{ state: StreamState; problem: Problem | undefined }>({
    state: "connecting",
    problem: undefined,
  });
  useEffect(() => {
    if (path === undefined) {
      return;
    }
    const over = new AbortController();
    api.follow<GrantView | GrantGone>(path, {
      onOpen: () => tell({ kind: "opened" }),
      onLines: (lines) => tell({ kind: "lines", lines }),
      onBeat: () => tell({ kind: "told" }),
      onState: (state, problem) => setStream({ state, problem }),
      signal: over.signal,
    });
    return () => over.abort();
  }, [api, path]);
  return { ...grants, ...stream };
}

interface MyGrants {
  /** The person's own, and those that they asked for. */
  readonly own: WatchedGrants;
  /** Those that wait for the person's word, or on which it counted. */
  readonly reviews: WatchedGrants;
}

const MyGrantsContext = createContext<MyGrants | undefined>(undefined);

/** Follows what concerns the person, once for all pages. */
export function MyGrantsProvider({ children }: { readonly children: ComponentChildren }) {
  const { person } = useSession();
  // Who may see everybody's would be told everybody's; everybody else needs one stream only, of the few that browsers allow.
  const isNarrow = person.roles.length > 0;
  const own = useWatchedGrants(isNarrow ? "/v1/grants/watch?scope=own" : "/v1/grants/watch");
  const reviews = useWatchedGrants(isNarrow ? "/v1/grants/watch?scope=reviews" : undefined);
  return (
    <MyGrantsContext.Provider value={{ own, reviews: isNarrow ? reviews : own }}>{children}</MyGrantsContext.Provider>
  );
}

/** What concerns the person. */
export function useMyGrants(): MyGrants {
  const grants = useContext(MyGrantsContext);
  if (grants === undefined) {
    throw new Error("no grants above this component");
  }
  return grants;
}
