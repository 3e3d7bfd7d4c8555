import { refusedNotice } from "#audit/hazard-notice.ts";
import type { LinkGrant } from "#wire/link.ts";
import type { StatementJudge, Verdict } from "../postgres/judge.ts";
import type { Hazard } from "./hazard.ts";
import { nameKey, type PostgresReading, postgresFindings } from "./postgres.ts";
import { functionOIDHazards, textRunnerOIDs } from "./postgres-words.ts";
import { decideHazards, flagOnly, type HazardVerdict, PreparedHazards } from "./policy.ts";

/** Judges one Postgres session's statements by its grant's policy, as it was when the session began. */
export function postgresJudge({ database, role, hazards }: LinkGrant, now: () => PostgresReading): StatementJudge {
  const policy = hazards ?? flagOnly;
  const place = { database: database.key, username: role.username };
  const names = new PreparedHazards();
  return {
    text(sql: Buffer, preparedAs?: string): Verdict | undefined {
      const findings = postgresFindings(sql, role.username, now);
      const found = names.hazardsOf(findings);
      const verdict = decideHazards(found, policy, place);
      // What is refused gives no name.
      if (verdict?.refusal === undefined) {
        const protocolName = preparedAs === undefined || preparedAs === "" ? [] : [nameKey(preparedAs)];
        for (const name of [...findings.prepares, ...protocolName]) {
          names.note(name, found);
        }
      }
      return withMark(verdict);
    },
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

const withMark = (verdict: HazardVerdict | undefined): Verdict | undefined =>
  verdict?.refusal === undefined ? verdict : { ...verdict, notices: [...verdict.notices, refusedNotice] };
