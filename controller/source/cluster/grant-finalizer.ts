import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import { formatKey, keyOf, type AnyObject, type ObjectKey } from "#kinds/index.ts";
import { isKubeFailure } from "../../kube/failure.ts";
import type { Following } from "./following.ts";
import { mustBeTakenAway } from "./names.ts";
import { finalizer, ownFinalizers } from "./options.ts";
import { readNewest, setFinalizers } from "./status-writer.ts";
import type { ClusterTombstones } from "./tombstones.ts";
import type { Turns } from "./turns.ts";
import type { ClusterView } from "./view.ts";

/** What the finalizer's keeper needs. */
export interface GrantFinalizerOptions {
  readonly view: ClusterView;
  readonly following: Following;
  readonly tombstones: ClusterTombstones;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly log: Log;
}

/** Keeps the finalizer on Grants that give access, and takes it off when nothing is left. */
export class GrantFinalizer {
  readonly #options: GrantFinalizerOptions;

  constructor(options: GrantFinalizerOptions) {
    this.#options = options;
  }

  /** Lets an object go that is being deleted: removes our finalizer, and no other's. */
  async letGo(key: ObjectKey): Promise<void> {
    const { view, following } = this.#options;
    const writer = following.writerOf(key);
    let live = view.actual(key);
    while (live?.metadata.deletionTimestamp !== undefined) {
      const { finalizers = [] } = live.metadata;
      const others = finalizers.filter((name) => !ownFinalizers.includes(name));
      try {
        const written: AnyObject =
          others.length === finalizers.length ? live : await setFinalizers(writer, live, others);
        if (others.length === 0) {
          following.forget(key, written);
        }
        return;
      } catch (thrown) {
        if (!isKubeFailure(thrown, "conflict", "notFound")) {
          throw thrown;
        }
      }
      const newest: AnyObject | undefined = await readNewest(writer, live);
      if (newest === undefined) {
        // Gone, or re-created under the same name: the one that was to be released is no more.
        following.forget(key, live);
      }
      live = newest;
    }
  }

  /** A Grant of which nothing is left, and whose tombstone stands, may be deleted at once: the finalizer has done its work. */
  async freeEnded(key: ObjectKey): Promise<void> {
    const { view, following, tombstones, clock, log } = this.#options;
    const grant = view.actual(key);
    if (grant?.kind !== "Grant" || grant.status?.deprovisionTime === undefined) {
      return;
    }
    const { namespace, name, uid, finalizers = [], deletionTimestamp } = grant.metadata;
    const stands = tombstones.find(namespace, name)?.uid === uid;
    const isOver = Date.parse(grant.spec.notAfterTime) <= clock.now();
    if (deletionTimestamp !== undefined || !finalizers.includes(finalizer) || !(stands || isOver)) {
      return;
    }
    const others = finalizers.filter((other) => other !== finalizer);
    await setFinalizers(following.writerOf(key), grant, others).catch((error: unknown) => {
      log.debug("the finalizer of an ended Grant stays for now", { key: formatKey(key), error: coerceError(error) });
    });
  }

  /** Puts it back where somebody took it off a Grant that gives access: a deletion would leave that behind. */
  keep(changed: AnyObject): void {
    const { turns, log } = this.#options;
    const key = keyOf(changed);
    if (this.#lacking(key) === undefined) {
      return;
    }
    void turns
      .take(formatKey(key), async () => {
        const live = this.#lacking(key);
        if (live !== undefined) {
          const all = [...(live.metadata.finalizers ?? []), finalizer];
          await setFinalizers(this.#options.following.writerOf(key), live, all);
        }
      })
      .catch((error: unknown) => {
        log.warn("a finalizer could not be put back", { key: formatKey(key), error: coerceError(error) });
      });
  }

  #lacking(key: ObjectKey): AnyObject | undefined {
    const live = this.#options.view.actual(key);
    const isKept = live?.metadata.finalizers?.includes(finalizer) === true;
    const isLacking = live !== undefined && mustBeTakenAway(live) && !isKept;
    return isLacking && live.metadata.deletionTimestamp === undefined ? live : undefined;
  }
}
