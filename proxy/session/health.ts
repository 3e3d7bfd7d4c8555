import type { Clock } from "#lib/clock.ts";
import type { DatabaseProblem, LinkGrant, ProxyStatus } from "#wire/link.ts";
import type { Health } from "../upstream/target.ts";

type DatabaseReport = ProxyStatus["databases"][number];

/** The controller takes at most so many characters. */
const detailCharactersMax = 2_048;
const versionCharactersMax = 128;

/** What was last learned of each database role. */
export class DatabaseHealth {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #reports = new Map<string, DatabaseReport>();
  readonly #learnedMs = new Map<string, number>();

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  learned(grant: LinkGrant, health: Health, detail: string, serverVersion?: string, problem?: DatabaseProblem): void {
    const key = grant.database.key;
    this.#learnedMs.set(nameOf(grant), this.#clock.monotonicMs());
    this.#reports.set(nameOf(grant), {
      key,
      role: grant.role.name,
      health,
      detail: detail.slice(0, detailCharactersMax),
      ...(problem === undefined ? {} : { problem }),
      ...(serverVersion === undefined ? {} : { serverVersion: serverVersion.slice(0, versionCharactersMax) }),
      time: new Date(this.#clock.now()).toISOString(),
    });
    this.#onChange();
  }

  /** How long ago something was learned of the role; Infinity for never. */
  ageMs(grant: LinkGrant): number {
    return this.#clock.monotonicMs() - (this.#learnedMs.get(nameOf(grant)) ?? -Infinity);
  }

  report(): readonly DatabaseReport[] {
    return [...this.#reports.values()];
  }
}

const nameOf = ({ database, role }: LinkGrant): string => `${database.key} ${role.name}`;
