import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { AwsPorts } from "../aws/ports.ts";
import type { Source } from "../source/source.ts";
import { findOrphans, removeOrphan } from "./grant/orphans.ts";
import { restoreLostStatus } from "./grant/lost-status.ts";
import { identityCenterRegions } from "./grant/recovery.ts";

/** Orphans come only from crashes and hand-made changes; a sweep reads the tags of every permission set of the instance. */
export const sweepPeriodMs = 3_600_000;

export interface OrphanSweeperOptions {
  readonly ports: AwsPorts;
  readonly source: Source;
  readonly clock: Clock;
  readonly log: Log;
  readonly installation: string;
  /** The controller's own region; those that Proxies name are looked at too. */
  readonly region: string;
}

/** Removes permission sets that carry our installation's tag and belong to no Grant: at the start and then every hour. */
export class OrphanSweeper {
  readonly #options: OrphanSweeperOptions;
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(options: OrphanSweeperOptions) {
    this.#options = options;
  }

  /** Begins; later sweeps follow by themselves until `stop`. */
  start(): void {
    void this.#sweep()
      .catch((error: unknown) => this.#options.log.warn("orphans could not be swept", { error: coerceError(error) }))
      .finally(() => {
        if (!this.#stopped) {
          this.#cancel = this.#options.clock.after(sweepPeriodMs, () => this.start());
        }
      });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #sweep(): Promise<void> {
    const { ports, source, clock, log, installation, region } = this.#options;
    const proxies = source.list("Proxy").map(({ object }) => object);
    const lookAround = { installation, regions: identityCenterRegions(proxies, region), now: clock.now() };
    const restored = await restoreLostStatus(source, ports, lookAround);
    if (restored > 0) {
      log.warn("Grants had lost their status and got it back from the tags of their permission sets", {
        count: restored,
      });
    }
    const { orphans, held } = await findOrphans(ports, source, lookAround);
    if (held !== undefined) {
      log.error("orphans are left alone until a person has looked", { why: held });
      return;
    }
    for (const orphan of orphans) {
      if (this.#stopped) {
        return;
      }
      const { name, grant } = orphan;
      try {
        await removeOrphan(ports, orphan, clock);
        log.warn("a permission set that belonged to no Grant was removed", { name, grant });
      } catch (thrown) {
        // One that cannot be removed keeps none of the others.
        log.error("a permission set that belongs to no Grant could not be removed", {
          name,
          grant,
          error: coerceError(thrown),
        });
      }
    }
  }
}
