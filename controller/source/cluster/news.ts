import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import { formatKey, keyOf, type AnyObject, type ObjectKey } from "#kinds/index.ts";
import type { CacheChange } from "../../kube/cache.ts";

/** What a process's own write of one object has answered and what the watch has told while it was under way. */
interface Writing {
  readonly own: Set<string | undefined>;
  readonly told: Set<string | undefined>;
}

/**
 * Tells subscribers of what others did. The watch may tell of our own write before its answer is here: what comes for an object that
 * is being written waits for the end of the write, and is told then unless it was ours. Only a changed status waits; a new spec or
 * a deletion never does.
 */
export class News {
  readonly #log: Log;
  readonly #subscribers = new Set<(key: ObjectKey) => void>();
  readonly #writing = new Map<string, Writing>();
  #isOpen = false;

  constructor(log: Log) {
    this.#log = log;
  }

  subscribe(onChange: (key: ObjectKey) => void): () => void {
    // A function of its own for each call, so that the same callback may subscribe twice.
    const subscriber = (key: ObjectKey): void => onChange(key);
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  /** From now on changes are told, or no longer. */
  open(isOpen: boolean): void {
    this.#isOpen = isOpen;
  }

  tell(keys: readonly ObjectKey[]): void {
    for (const key of this.#isOpen ? keys : []) {
      for (const subscriber of this.#subscribers) {
        try {
          subscriber(key);
        } catch (thrown) {
          this.#log.error("a subscriber failed", { key: formatKey(key), error: coerceError(thrown) });
        }
      }
    }
  }

  /** The cluster told of it. */
  heard(change: CacheChange<AnyObject>): void {
    const { object } = change;
    const key = keyOf(object);
    const writing = this.#writing.get(formatKey(key));
    if (writing !== undefined && change.kind === "put" && isStatusOnly(object, change.old)) {
      writing.told.add(object.metadata.resourceVersion);
    } else {
      this.tell([key]);
    }
  }

  /** A write of ours was answered with this. */
  answered({ metadata, ...object }: AnyObject): void {
    this.#writing.get(formatKey(keyOf({ metadata, kind: object.kind })))?.own.add(metadata.resourceVersion);
  }

  /** Runs a write of the object. Writes of one object come one after the other. */
  async during<T>(key: ObjectKey, write: () => Promise<T>): Promise<T> {
    const writing: Writing = { own: new Set(), told: new Set() };
    this.#writing.set(formatKey(key), writing);
    try {
      return await write();
    } finally {
      this.#writing.delete(formatKey(key));
      if ([...writing.told].some((resourceVersion) => !writing.own.has(resourceVersion))) {
        this.tell([key]);
      }
    }
  }
}

function isStatusOnly({ metadata }: AnyObject, old: AnyObject | undefined): boolean {
  return (
    old !== undefined &&
    old.metadata.uid === metadata.uid &&
    old.metadata.generation === metadata.generation &&
    old.metadata.deletionTimestamp === metadata.deletionTimestamp
  );
}
