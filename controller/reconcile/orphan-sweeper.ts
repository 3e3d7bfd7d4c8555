import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { AwsPorts } from "../aws/ports.ts";
import type { Source } from "../source/source.ts";
import { findOrphans, type Orphan, orphansRemovedMax, removeOrphan } from "./grant/orphans.ts";
import { restoreLostStatus } from "./grant/lost-status.ts";
import { identityCenterRegions } from "./grant/recovery.ts";
import { OrphanHold } from "./orphan-hold.ts";

/** Orphans come only from crashes and hand-made changes; a sweep reads the tags of every permission set of the instance. */
export const sweepPeriodMs = 3_600_000;

/**
 * How long a Grant without a record is given to take over the set that was made for it, in milliseconds: a cluster's etcd that was set back
 * leaves it so, and it is approved again within seconds, or waits for people.
 */
export const claimMs = 30_000;

export interface OrphanSweeperOptions {
  readonly ports: AwsPorts;
  readonly source: Source;
  readonly clock: Clock;
  readonly log: Log;
  readonly installation: string;
  /** The controller's own region; those that Proxies name are looked at too. */
  readonly region: string;
  /** Where those go that are too many to be removed, and where a person confirms them. Absent: they stay. */
  readonly hold?: OrphanHold;
}

/**
 * Removes permission sets that carry our installation's tag and belong to no Grant: at the start and then every hour, at most
 * `orphansRemovedMax` of them unless a person has confirmed more.
 */
export class OrphanSweeper {
  readonly #options: OrphanSweeperOptions;
  readonly #hold: OrphanHold;
  #cancel: () => void = () => {};
  #stopped = false;
  #sweeping: Promise<void> | undefined;
  /** Since when sets are claimed, by ARN, in monotonic milliseconds. */
  #claimed = new Map<string, number>();

  constructor(options: OrphanSweeperOptions) {
    this.#options = options;
    this.#hold = options.hold ?? new OrphanHold(options.clock);
  }

  /** Begins; later sweeps follow by themselves until `stop`, and one at each confirmation. */
  start(): void {
    this.#hold.onConfirmed(() => this.#soon());
    this.#soon();
  }

  /** One sweep after the other: two would take the same orphans away. */
  #soon(): void {
    this.#cancel();
    const before = this.#sweeping ?? Promise.resolve();
    this.#sweeping = before
      .then(() => (this.#stopped ? undefined : this.#sweep()))
      .catch((error: unknown) => this.#options.log.warn("orphans could not be swept", { error: coerceError(error) }))
      .finally(() => {
        this.#cancel();
        const nextMs = this.#claimed.size === 0 ? sweepPeriodMs : claimMs;
        this.#cancel = this.#stopped ? () => {} : this.#options.clock.after(nextMs, () => this.#soon());
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
    const found = await findOrphans(ports, source, lookAround);
    await this.#removeAll(this.#judge({ ...found, orphans: this.#unclaimed(found.orphans) }));
  }

  /** Those that nobody claims, or no longer: who claims one for the first time is given a moment. */
  #unclaimed(orphans: readonly Orphan[]): readonly Orphan[] {
    const nowMs = this.#options.clock.monotonicMs();
    const before = this.#claimed;
    const sinceOf = ({ permissionSetARN }: Orphan): number => before.get(permissionSetARN) ?? nowMs;
    const waiting = orphans.filter((orphan) => orphan.isClaimed && nowMs - sinceOf(orphan) < claimMs);
    this.#claimed = new Map(waiting.map((orphan) => [orphan.permissionSetARN, sinceOf(orphan)]));
    return orphans.filter((orphan) => !waiting.includes(orphan));
  }

  /** Which may be removed: a few, or those that a person has confirmed. The others are held. */
  #judge({ orphans, held }: { readonly orphans: readonly Orphan[]; readonly held: string | undefined }): Orphan[] {
    const confirmed = orphans.filter((orphan) => this.#hold.isConfirmed(orphan));
    const others = orphans.filter((orphan) => !this.#hold.isConfirmed(orphan));
    if (others.length <= orphansRemovedMax) {
      this.#hold.hold([]);
      return [...orphans];
    }
    this.#hold.hold(others);
    this.#options.log.error("orphans are left alone until a person has looked", {
      why: held,
      confirm: "sallyport deletions confirm",
    });
    return confirmed;
  }

  async #removeAll(orphans: readonly Orphan[]): Promise<void> {
    const { ports, clock, log } = this.#options;
    for (const orphan of orphans) {
      if (this.#stopped) {
        return;
      }
      const { name, grant } = orphan;
      try {
        await removeOrphan(ports, orphan, clock);
        this.#hold.removed(orphan);
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
