import type { AuditStore, FirstHazard } from "#audit/store/store.ts";
import { type ConditionInput, type Grant, setCondition } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { Source } from "../../source/source.ts";
import { findGrant } from "../../source/grant-by-id.ts";

/**
 * Hazards that mark a Grant, worst first, with the condition's reason. Those that the database's own grants decide about are in the
 * record of their statement only. The names are those of `docs/hazards.md`.
 */
const reasons: ReadonlyMap<string, string> = new Map([
  ["credential-change", "CredentialChange"],
  ["session-end", "SessionEnd"],
  ["role-settings", "RoleSettings"],
  ["session-read", "SessionRead"],
  ["unseen-sql", "UnseenSQL"],
]);

/**
 * The condition of a Grant whose statements endangered others who share its database user; undefined where none did. It names where to
 * look, never what the statement said. The same hazards again change nothing. Pure.
 */
export function flaggedCondition(found: readonly FirstHazard[]): ConditionInput | undefined {
  const counting = found.filter(({ hazard }) => reasons.has(hazard));
  const worst = [...reasons].find(([hazard]) => counting.some((first) => first.hazard === hazard));
  if (worst === undefined) {
    return undefined;
  }
  const places = counting.map(
    ({ hazard, refused, session, statement }) =>
      `${hazard} ${refused ? "was refused" : "was sent to the database"}, first in statement ${statement} of session ${session}`,
  );
  return { type: "Flagged", status: "True", reason: worst[1], message: `${places.join("; ")}.` };
}

/** What the marks come from and go to. */
export interface GrantFlagsOptions {
  readonly store: Pick<AuditStore, "flaggedGrants" | "hazardsOf">;
  readonly source: Pick<Source, "list" | "get" | "writeStatus">;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Marks Grants by what the audit trail says of their statements, ended ones too. The trail is the truth: what a crash kept from being
 * written is written after the next start.
 */
export class GrantFlags {
  readonly #options: GrantFlagsOptions;
  readonly #wanted = new Set<string>();
  #working: Promise<void> | undefined;

  constructor(options: GrantFlagsOptions) {
    this.#options = options;
  }

  /** Marks all that the trail knows of. */
  async restore(): Promise<void> {
    this.note(await this.#options.store.flaggedGrants());
    await this.settled();
  }

  /** Statements of these grants had hazards. Nothing waits for the marks. */
  note(grantIDs: readonly string[]): void {
    for (const grantID of grantIDs) {
      this.#wanted.add(grantID);
    }
    if (this.#wanted.size > 0) {
      this.#working ??= this.#work();
    }
  }

  /** Resolves once nothing is left to be written. */
  async settled(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    for (const grantID of this.#wanted) {
      this.#wanted.delete(grantID);
      try {
        await this.#mark(grantID);
      } catch (thrown) {
        // The trail keeps it; the next hazard of the grant, or the next start, tries again.
        this.#options.log.error("a Grant could not be flagged", { grantID, error: coerceError(thrown) });
      }
    }
    this.#working = undefined;
  }

  async #mark(grantID: string): Promise<void> {
    const { store, source, clock } = this.#options;
    const condition = flaggedCondition(await store.hazardsOf(grantID));
    const grant = findGrant(source, grantID);
    if (condition === undefined || grant === undefined || isMarked(grant, condition)) {
      return;
    }
    const { generation = 0 } = grant.metadata;
    await source.writeStatus<Grant>(grant, (status) => ({
      ...status,
      conditions: setCondition(status.conditions, condition, generation, clock.now()),
    }));
    const { reason } = condition;
    this.#options.log.warn("a statement endangered others who share its database user", { grantID, reason });
  }
}

function isMarked({ status }: Grant, { reason, message }: ConditionInput): boolean {
  return (
    status?.conditions?.some(
      (known) => known.type === "Flagged" && known.reason === reason && known.message === message,
    ) === true
  );
}
