import type { LinkGrant } from "#wire/link.ts";
import type { ExecutionStart } from "../mysql/execution.ts";
import { errors } from "../mysql/violation.ts";
import type { Judgement } from "../mysql/statement-log.ts";
import { hazardNotice } from "#audit/hazard-notice.ts";
import type { Findings } from "./hazard.ts";
import { mysqlFindings, type MySqlReading } from "./mysql.ts";
import { decideHazards, flagOnly, type HazardVerdict, PreparedHazards } from "./policy.ts";

/** Judges one MySQL or MariaDB session's texts by its grant's policy, as it was when the session began. */
export class MySqlJudge {
  readonly #grant: LinkGrant;
  readonly #now: () => MySqlReading;
  readonly #names = new PreparedHazards();
  /** Texts that the protocol prepared are judged once, not at each execution. */
  readonly #prepared = new WeakMap<Buffer, HazardVerdict | "none">();

  constructor(grant: LinkGrant, now: () => MySqlReading) {
    this.#grant = grant;
    this.#now = now;
  }

  /** Undefined: nothing to be said. */
  statement({ protocol, sql }: ExecutionStart): Judgement | undefined {
    const verdict =
      sql === undefined
        ? undefined
        : protocol === "command"
          ? this.#decide(sql.equals(processInfo) ? sessionReading : nothing)
          : this.#text(sql, protocol === "extended");
    if (verdict?.refusal === undefined) {
      return verdict === undefined ? undefined : { notices: verdict.notices };
    }
    const { message, hint } = verdict.refusal;
    return { notices: verdict.notices, refusal: { code: errors.refusedByPolicy, message: `${message}. ${hint}` } };
  }

  /** `isPrepared`: the same buffer comes again with each execution. */
  #text(sql: Buffer, isPrepared: boolean): HazardVerdict | undefined {
    const known = isPrepared ? this.#prepared.get(sql) : undefined;
    if (known !== undefined) {
      return known === "none" ? undefined : known;
    }
    const verdict = this.#decide(mysqlFindings(sql, this.#grant.role.username, this.#now));
    if (isPrepared) {
      this.#prepared.set(sql, verdict ?? "none");
    }
    return verdict;
  }

  #decide(findings: Findings): HazardVerdict | undefined {
    const { database, role, hazards } = this.#grant;
    const found = this.#names.hazardsOf(findings);
    const verdict = decideHazards(found, hazards ?? flagOnly, { database: database.key, username: role.username });
    // What is refused gives no name.
    for (const name of verdict?.refusal === undefined ? findings.prepares : []) {
      this.#names.note(name, found);
    }
    return verdict;
  }
}

/** COM_PROCESS_INFO, as it is recorded: SHOW PROCESSLIST as a command. */
const processInfo = Buffer.from("COM_PROCESS_INFO");
const nothing: Findings = { hazards: new Set(), prepares: [], executes: [] };
const sessionReading: Findings = { ...nothing, hazards: new Set(["session-read"]) };
/** What the record of a KILL says that would end another grant's session. */
export const killNotices: readonly string[] = [`${hazardNotice}session-end`];
