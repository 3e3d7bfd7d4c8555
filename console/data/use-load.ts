import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem.ts";
import type { Query } from "../api/query.ts";
import { useApi } from "../session/session.tsx";

/** An answer of the control API. What was loaded stays while it is loaded again, and also when that fails. */
export interface Loaded<T> {
  readonly value: T | undefined;
  readonly problem: Problem | undefined;
  readonly reload: () => void;
}

/** Loads when shown and whenever `path` or `query` change. Undefined `path`: not. */
export function useLoad<T>(path: string | undefined, query?: Query): Loaded<T> {
  const api = useApi();
  const key = JSON.stringify([path, query]);
  const [loaded, setLoaded] = useState<{ key: string; value?: T; problem?: Problem }>({ key });
  const [count, setCount] = useState(0);
  const asked = useRef({ path, query });
  asked.current = { path, query };
  useEffect(() => {
    const over = new AbortController();
    const { path, query } = asked.current;
    if (path === undefined) {
      return undefined;
    }
    api.get<T>(path, query, over.signal).then(
      (value) => (over.signal.aborted ? undefined : setLoaded({ key, value })),
      (error: unknown) =>
        over.signal.aborted
          ? undefined
          : setLoaded((before) => ({ ...(before.key === key ? before : { key }), problem: asProblem(error) })),
    );
    return () => over.abort();
  }, [api, key, count]);
  const reload = useCallback(() => setCount((before) => before + 1), []);
  const isOfThis = loaded.key === key;
  return { value: isOfThis ? loaded.value : undefined, problem: isOfThis ? loaded.problem : undefined, reload };
}

/** Loads again each `everyMs` milliseconds while the page is seen: for what has no stream. */
export function useReloading(reload: () => void, everyMs: number): void {
  useEffect(() => {
    const look = (): void => {
      if (document.visibilityState !== "hidden") {
        reload();
      }
    };
    const timer = setInterval(look, everyMs);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [reload, everyMs]);
}
