import type { Target } from "./clients/steps.ts";
import type { Steps } from "./program.ts";

/**
 * What a step came to. `same`: through the proxy as directly. `fails-directly`: the client cannot do it with this server, with or
 * without the proxy. `only-through`: it cannot connect directly, and works through the proxy. `differs`: the proxy made a difference, and `why` says which.
 */
export type Verdict =
  | { readonly verdict: "same" }
  | { readonly verdict: "fails-directly" | "only-through" | "differs"; readonly why: string };

/** Compares a client's steps through the proxy with the same steps directly. */
export function compareSteps(
  direct: Steps,
  through: Steps,
  database: { direct: Target; through: Target },
): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  const connect = direct.get("connect") ?? direct.get("runs to its end") ?? direct.get("bulk out") ?? { result: "" };
  const unconnected = "error" in connect ? connect.error : undefined;
  for (const step of new Set([...direct.keys(), ...through.keys()])) {
    const one = spelled(direct.get(step), database.direct);
    const other = spelled(through.get(step), database.through);
    const result = direct.get(step) ?? { error: "it has no such step" };
    const works = !("error" in (through.get(step) ?? { error: "" }));
    verdicts.set(
      step,
      unconnected !== undefined && works
        ? { verdict: "only-through", why: unconnected }
        : judge(one, other, "error" in result ? result.error : undefined, !works),
    );
  }
  return verdicts;
}

function judge(direct: string, through: string, error: string | undefined, isError: boolean): Verdict {
  if (error !== undefined && isError) {
    return { verdict: "fails-directly", why: error };
  }
  if (direct !== through) {
    return { verdict: "differs", why: difference(direct, through) };
  }
  return { verdict: "same" };
}

/** A result without what is another for every session: process numbers, and the two databases' names, ports and addresses. */
function spelled(result: unknown, target: Target): string {
  return (JSON.stringify(result) ?? "nothing")
    .replaceAll(/\bPID \d+/g, "PID N")
    .replaceAll(target.database, "DATABASE")
    .replaceAll(`port ${target.port}`, "port N");
}

/** Both texts around the place where they begin to differ. */
function difference(direct: string, through: string): string {
  let at = 0;
  while (direct[at] === through[at]) {
    at += 1;
  }
  const around = (text: string): string => text.slice(Math.max(0, at - 100), at + 300);
  return `directly …${around(direct)}…, through the proxy …${around(through)}…`;
}
