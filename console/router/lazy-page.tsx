import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem.ts";
import { Loading } from "../ui/states.tsx";
import { ProblemNotice } from "../ui/problem-notice.tsx";

/** A component whose code is fetched when it is first shown. */
export function lazyPage<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let loaded: ComponentType<P> | undefined;
  return function LazyPage(props: P) {
    const [Page, setPage] = useState<ComponentType<P> | undefined>(() => loaded);
    const [problem, setProblem] = useState<Problem>();
    useEffect(() => {
      if (loaded !== undefined) {
        return;
      }
      load().then(
        (page) => {
          loaded = page;
          setPage(() => page);
        },
        (error: unknown) => setProblem(asProblem(error)),
      );
    }, []);
    if (problem !== undefined) {
      return <ProblemNotice problem={problem} />;
    }
    return Page === undefined ? <Loading what="page" /> : <Page {...props} />;
  };
}
