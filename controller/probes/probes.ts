import type { Log } from "#lib/log.ts";
import { answerProbe, type Check, type CheckResult } from "./check.ts";
import type { HTTPAnswer } from "./listener.ts";

/** What each probe rests on. */
export interface ProbeChecks {
  /** Liveness: a process that fails is ended and started again. */
  readonly healthz: readonly Check[];
  /** Readiness: a process that fails gets no requests for now. */
  readonly readyz: readonly Check[];
}

/** The answerer of `/healthz`, `/readyz` and `/<probe>/<check>`. A check's failure is logged when it begins and when it has passed. */
export function probeAnswerer(checks: () => ProbeChecks, log: Log): (url: URL) => HTTPAnswer {
  const failing = new Set<string>();
  return (url) => {
    const [, probe = "", only, ...rest] = url.pathname.split("/");
    if ((probe !== "healthz" && probe !== "readyz") || rest.length > 0) {
      return { status: 404, body: "there is /healthz and /readyz\n" };
    }
    const all = checks()[probe];
    const { status, body, results } = answerProbe(probe, all, {
      only: only === "" ? undefined : only,
      verbose: url.searchParams.has("verbose"),
      exclude: url.searchParams.getAll("exclude"),
    });
    note(failing, probe, results, log);
    return { status, body };
  };
}

function note(failing: Set<string>, probe: string, results: readonly CheckResult[], log: Log): void {
  for (const { check, why } of results) {
    const key = `${probe}/${check}`;
    if (why !== undefined && !failing.has(key)) {
      failing.add(key);
      log.warn("a health check fails", { probe, check, why });
    } else if (why === undefined && failing.delete(key)) {
      log.info("a health check passes again", { probe, check });
    }
  }
}
