import type { CancelTimer, Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import { canonicalJson, formatKey, keyOf, parseKey, type AnyObject, type ObjectKey } from "#kinds/index.ts";
import type { CacheChange } from "../../kube/cache.ts";
import { isKubeFailure } from "../../kube/failure.ts";
import { asStored } from "../../kube/json.ts";
import type { Following } from "./following.ts";
import { hasLostStatus, keptStatus } from "./restore.ts";
import type { AnyStatus } from "./status-fields.ts";
import { otherFinalizers, writeStatus } from "./status-writer.ts";
import type { Turns } from "./turns.ts";
import type { ClusterView, StatusChange } from "./view.ts";

/** First and longest wait, in milliseconds, before a status that is owed to the cluster is written again. */
export const owedRetryMs = { min: 1_000, max: 30_000 } as const;

/** What the book needs. */
export interface StatusBookOptions {
  readonly view: ClusterView;
  readonly following: Following;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Writes statuses to the cluster, and owes those that it could not write though they must count: the ends of Grants, and what
 * somebody took out of a status, or a store that was set back.
 */
export class StatusBook {
  readonly #options: StatusBookOptions;
  #cancel: CancelTimer | undefined;
  #waitMs: number = owedRetryMs.min;
  #isClosed = false;

  constructor(options: StatusBookOptions) {
    this.#options = options;
  }

  /** Answers whether the status changed; an object that lacks its finalizer gets it in any case. To be called in the object's turn. */
  async write(key: ObjectKey, uid: string | undefined, change: StatusChange): Promise<boolean> {
    const { view, following } = this.#options;
    const shown = view.get(key)?.object;
    if (shown === undefined || shown.metadata.uid !== uid) {
      return false;
    }
    const before = (shown.status ?? {}) as AnyStatus;
    // So that memory holds what the server will give back.
    const after = asStored(change(before));
    const actual = view.actual(key);
    const isChanged = canonicalJson(before) !== canonicalJson(after);
    if (!isChanged && (actual === undefined || otherFinalizers(actual, after) === undefined)) {
      return false;
    }
    if (actual === undefined || view.isRemembered(key)) {
      view.setRememberedStatus(key, after);
      return true;
    }
    const owed = [...view.owed(key), change];
    try {
      await writeStatus(following.writerOf(key), actual, together(owed));
      this.#paid(key, owed);
    } catch (thrown) {
      if (key.kind === "Grant" && after["end"] !== undefined && !isKubeFailure(thrown, "invalid")) {
        // Access must not go on because its end cannot be noted: it is in force here, and written when the server is back.
        view.setOwed(key, owed);
        this.#payLater();
      }
      throw thrown;
    }
    return isChanged;
  }

  /**
   * A Grant's record and its end are facts: where the cluster has lost them they still hold here, and are written back. Every replica
   * remembers them; the first one writes, and the others find nothing missing.
   */
  keep(change: CacheChange<AnyObject>): void {
    if (change.kind !== "put" || change.old === undefined || !hasLostStatus(change.object, change.old)) {
      return;
    }
    const { view, log } = this.#options;
    const key = keyOf(change.object);
    const { status } = change.old;
    log.error("a Grant has lost its status; what is remembered of it is written back", { key: formatKey(key) });
    view.setOwed(key, [...view.owed(key), (found) => keptStatus(found, (status ?? {}) as AnyStatus)]);
    void this.#payAll();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  #payLater(): void {
    if (this.#isClosed) {
      return;
    }
    this.#cancel ??= this.#options.clock.after(this.#waitMs, () => {
      this.#cancel = undefined;
      this.#waitMs = Math.min(this.#waitMs * 2, owedRetryMs.max);
      void this.#payAll();
    });
  }

  async #payAll(): Promise<void> {
    const { view, turns, log } = this.#options;
    for (const text of view.debtors()) {
      try {
        await turns.take(text, () => this.#pay(parseKey(text)));
        this.#waitMs = owedRetryMs.min;
      } catch (thrown) {
        log.warn("the end of a Grant could not be written, will retry", { key: text, error: coerceError(thrown) });
        this.#payLater();
      }
    }
  }

  async #pay(key: ObjectKey): Promise<void> {
    const { view, following } = this.#options;
    const actual = view.actual(key);
    const owed = view.owed(key);
    if (actual !== undefined && owed.length > 0) {
      await writeStatus(following.writerOf(key), actual, together(owed));
    }
    this.#paid(key, owed);
  }

  /** What came to be owed meanwhile still is. */
  #paid(key: ObjectKey, changes: readonly StatusChange[]): void {
    const { view } = this.#options;
    view.setOwed(
      key,
      view.owed(key).filter((change) => !changes.includes(change)),
    );
  }
}

function together(changes: readonly StatusChange[]): StatusChange {
  return (status) => changes.reduce((so, change) => change(so), status);
}
