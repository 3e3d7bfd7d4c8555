/** One thing that must be so for a probe to pass. Answers from memory, at once. */
export interface Check {
  /** Part of the path: `/healthz/<name>`. Lower case, digits and dashes. */
  readonly name: string;
  /** Why it fails, for the log; undefined where all is well. One that throws fails. */
  failure(): string | undefined;
}

/** What a probe is asked for, besides its checks. */
export interface ProbeQuery {
  /** The part of the path after the probe's own, without slashes; undefined for all checks. */
  readonly only?: string | undefined;
  readonly verbose: boolean;
  readonly exclude: readonly string[];
}

export interface ProbeAnswer {
  readonly status: 200 | 404 | 500;
  readonly body: string;
  /** What was looked at, and why it failed where it did: for the log alone. */
  readonly results: readonly CheckResult[];
}

export interface CheckResult {
  readonly check: string;
  readonly why: string | undefined;
}

/**
 * Answers as controller-runtime does (`pkg/healthz/healthz.go`): `ok`, or a line for each check where it was asked for or something
 * failed. Who may reach the listener is not known, so reasons go to the log and are withheld from the answer.
 */
export function answerProbe(probe: string, checks: readonly Check[], query: ProbeQuery): ProbeAnswer {
  if (query.only !== undefined) {
    return answerOne(checks, query.only);
  }
  const results = checks
    .filter(({ name }) => !query.exclude.includes(name))
    .map((check) => ({ check: check.name, why: failureOf(check) }));
  const lines = checks.map(({ name }) => lineOf(name, results));
  const unknown = query.exclude.filter((name) => !checks.some((check) => check.name === name));
  if (unknown.length > 0) {
    lines.push(`warn: some health checks cannot be excluded: no matches for ${JSON.stringify(unknown)}`);
  }
  if (results.some(({ why }) => why !== undefined)) {
    return { status: 500, body: [...lines, `${probe} check failed`, ""].join("\n"), results };
  }
  return { status: 200, body: query.verbose ? [...lines, `${probe} check passed`, ""].join("\n") : "ok", results };
}

function lineOf(name: string, results: readonly CheckResult[]): string {
  const result = results.find(({ check }) => check === name);
  if (result === undefined) {
    return `[+]${name} excluded: ok`;
  }
  return result.why === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`;
}

function answerOne(checks: readonly Check[], name: string): ProbeAnswer {
  const check = checks.find((each) => each.name === name);
  if (check === undefined) {
    return { status: 404, body: "there is no such check\n", results: [] };
  }
  const results = [{ check: name, why: failureOf(check) }];
  return results[0]?.why === undefined
    ? { status: 200, body: "ok", results }
    : { status: 500, body: "internal server error: reason withheld\n", results };
}

/** Why a check fails, also where it is the check itself that does; undefined where all is well. */
export function failureOf(check: Check): string | undefined {
  try {
    return check.failure();
  } catch (thrown) {
    return `the check itself failed: ${String(thrown)}`;
  }
}
