import type { Clock } from "#lib/clock.ts";
import type { LinkGrant, ProxyStatus } from "#wire/link.ts";
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

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  learned(grant: LinkGrant, health: Health, detail: string, serverVersion?: string): void {
    const key = grant.database.key;
    this.#reports.set(`${key} ${grant.role.name}`, {
      key,
      role: grant.role.name,
      health,
      detail: detail.slice(0, detailCharactersMax),
      ...(serverVersion === undefined ? {} : { serverVersion: serverVersion.slice(0, versionCharactersMax) }),
      time: new Date(this.#clock.now()).toISOString(),
    });
    this.#onChange();
  }

  report(): readonly DatabaseReport[] {
    return [...this.#reports.values()];
  }
}
