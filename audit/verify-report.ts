/**
 * What verification can find. `altered`: a record is not what the one after it, or the signer, saw. `removed`: records are
 * missing before others. `reordered`: a record stands elsewhere. `truncated`: the end is missing. `session-missing`: a whole
 * session, or its beginning. `never-closed`: the task is gone and the session has no end. `conflict`: two records claim one
 * place. `head-mismatch`: records were replaced by others that fit together, but are not those that were signed.
 * `head-altered`, `head-removed`: the head log itself was changed. `gap`: the proxy said that it could not record something.
 * `index-altered`: what is searched does not say what the records say.
 */
export type FindingKind =
  | "altered"
  | "removed"
  | "reordered"
  | "truncated"
  | "session-missing"
  | "never-closed"
  | "conflict"
  | "head-mismatch"
  | "head-altered"
  | "head-removed"
  | "gap"
  | "index-altered";

/** One thing that is wrong. */
export interface Finding {
  readonly kind: FindingKind;
  readonly proxy?: string;
  readonly task?: string;
  readonly session?: string;
  readonly seq?: number;
  /** A sentence for a person. */
  readonly detail: string;
}

/** Records that fit together and that no signed head vouches for yet. */
export interface Unanchored {
  readonly proxy: string;
  readonly task: string;
  readonly fromSeq: number;
  readonly toSeq: number;
}

/** Records that were removed because of their age, as a signed head says; what is left goes on where they ended. */
export interface Removed {
  readonly proxy: string;
  readonly task: string;
  /** Records 1 to this one. */
  readonly toSeq: number;
  /** The store took them before this instant, RFC 3339. */
  readonly before: string;
  /** How many places in everything that was removed together were altered, missing or otherwise wrong; absent: none. */
  readonly wrong?: number;
}

/**
 * `complete`: everything is there, unchanged, and vouched for. `consistent, unanchored`: it fits together, but for some or
 * all of it there is no signed head, so that a forger of the whole is not excluded. `broken`: see the findings.
 */
export type Verdict = "complete" | "consistent, unanchored" | "broken";

export interface Report {
  readonly verdict: Verdict;
  /** At most `findingsMax`. */
  readonly findings: readonly Finding[];
  /** How many more there were. */
  readonly findingsOmitted: number;
  readonly unanchored: readonly Unanchored[];
  readonly removed: readonly Removed[];
  readonly counts: {
    readonly records: number;
    readonly tasks: number;
    readonly sessions: number;
    readonly openSessions: number;
    readonly statements: number;
  };
}

/** Enough to see what happened; a store that was cut in half has one for almost every record. */
export const findingsMax = 1_000;

/** Gathers findings up to the limit and counts the rest. */
export class FindingSink {
  readonly findings: Finding[] = [];
  omitted = 0;

  add(finding: Finding): void {
    if (this.findings.length < findingsMax) {
      this.findings.push(finding);
    } else {
      this.omitted += 1;
    }
  }
}

/** A report with what was found beside it. */
export function withFindings(report: Report, more: readonly Finding[]): Report {
  if (more.length === 0) {
    return report;
  }
  const findings = [...report.findings, ...more];
  return {
    ...report,
    verdict: "broken",
    findings: findings.slice(0, findingsMax),
    findingsOmitted: report.findingsOmitted + Math.max(0, findings.length - findingsMax),
  };
}
