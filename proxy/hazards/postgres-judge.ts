import { refusedNotice } from "#audit/hazard-notice.ts";
import type { LinkGrant } from "#wire/link.ts";
import type { StatementJudge, Verdict } from "../postgres/judge.ts";
import type { UnreadSQL } from "../postgres/stored-text.ts";
import { nameKey, type PostgresReading, postgresFindings } from "./postgres.ts";
import type { Hazard } from "./hazard.ts";
import { functionOIDHazards, postgresTrigger, textRunnerOIDs } from "./postgres-words.ts";
import { decideHazards, flagOnly, notInspected, type HazardVerdict, PreparedHazards } from "./policy.ts";

/** Judges one Postgres session's statements by its grant's policy, as it was when the session began. */
export function postgresJudge({ database, role, hazards }: LinkGrant, now: () => PostgresReading): StatementJudge {
  const policy = hazards ?? flagOnly;
  const place = { database: database.key, username: role.username };
  const names = new PreparedHazards();
  const judge = (sql: Buffer, preparedAs: string | undefined, unread?: UnreadSQL): Verdict | undefined => {
    const findings = postgresFindings(sql, role.username, now);
    const found = names.hazardsOf(findings);
    const isMissed = unread !== undefined && mayHide(sql, found, unread, now());
    const decided = decideHazards(found, policy, place);
    const verdict = isMissed ? notInspected(decided, policy, place) : decided;
    // What is refused gives no name.
    if (verdict?.refusal === undefined) {
      const protocolName = preparedAs === undefined || preparedAs === "" ? [] : [nameKey(preparedAs)];
      for (const name of [...findings.prepares, ...protocolName]) {
        names.note(name, found);
      }
    }
    return withMark(verdict);
  };
  return {
    text: (sql, preparedAs) => judge(sql, preparedAs),
    skeleton: (skeleton, unread, preparedAs) => judge(skeleton, preparedAs, unread),
    functionCall(oid: number): Verdict | undefined {
      if (textRunnerOIDs.has(oid)) {
        return withMark(decideHazards(unseenText, policy, place));
      }
      const hazard = functionOIDHazards.get(oid);
      return hazard === undefined ? undefined : withMark(decideHazards(new Set([hazard]), policy, place));
    },
  };
}

/** The text is an argument, in one of two formats and any encoding. No driver calls these functions so. */
const unseenText: ReadonlySet<Hazard> = new Set(["dynamic-sql", "unseen-sql"]);

const routine = /\b(?:function|procedure)\b/i;

/**
 * Whether what a skeleton lacks may be a hazard: code that it was cut off before, or literals that are run. Where settings are about
 * to change, with a backslash in the text, nobody knows which is which.
 */
function mayHide(skeleton: Buffer, found: ReadonlySet<Hazard>, unread: UnreadSQL, reading: PostgresReading): boolean {
  if (reading.isInFlux && unread.hasBackslash && (unread.isSuspicious || postgresTrigger.test(skeleton))) {
    return true;
  }
  const mayRun = (): boolean => found.has("dynamic-sql") || routine.test(skeleton.toString("latin1"));
  return unread.isSuspicious && (unread.isCut || mayRun());
}

const withMark = (verdict: HazardVerdict | undefined): Verdict | undefined =>
  verdict?.refusal === undefined ? verdict : { ...verdict, notices: [...verdict.notices, refusedNotice] };
