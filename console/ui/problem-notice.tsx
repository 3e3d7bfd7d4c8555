import type { ComponentChildren } from "preact";
import type { Problem } from "../api/problem.ts";
import { Notice } from "./notice.tsx";

/** A failure: what, why and what to do next. `children`: a button to try again, say. */
export function ProblemNotice({
  problem,
  children,
}: {
  readonly problem: Problem;
  readonly children?: ComponentChildren;
}) {
  return (
    <Notice tone="bad" title={sentence(problem.message)} alert>
      {problem.why === undefined ? null : <p>{sentence(problem.why)}</p>}
      {problem.next === undefined ? null : <p class="next">{sentence(problem.next)}</p>}
      {children}
    </Notice>
  );
}

/** Messages begin in lower case, so that a terminal can put a prefix before them. */
function sentence(text: string): string {
  const first = text.slice(0, 1).toUpperCase();
  // A command or a name that begins the text stays as it is.
  return /^(sallyport|[a-z]+[A-Z\d_-])/.test(text) ? text : first + text.slice(1);
}
