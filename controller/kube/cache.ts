import { deepFreeze } from "../source/freeze.ts";
import { isEarlier, nameOf, stripped, type KubeObject } from "./object.ts";

/** What changed in the cache. */
export type CacheChange<T extends KubeObject> =
  | { readonly kind: "put"; readonly object: T; readonly old?: T }
  /** `isSeen`: the server told of the deletion. Otherwise the object was merely not there any more after a gap. */
  | { readonly kind: "removed"; readonly object: T; readonly isSeen: boolean };

/** What this process has written itself and the watch has not confirmed yet. */
interface OwnWrite {
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  /** The write made it go: the last finalizer was removed. */
  readonly isGone: boolean;
}

/**
 * The objects of one kind as a list and the watch after it tell, and as this process's own writes have made them in the
 * meantime: an event from before such a write is passed over. Objects are stripped and deeply frozen. Every method answers
 * what it changed.
 */
export class ObjectCache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #own = new Map<string, OwnWrite>();
  /** The resource version up to which the watch has told everything. */
  #position: string | undefined;

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  /** The resource version from which a watch misses nothing; undefined before the first list. */
  get position(): string | undefined {
    return this.#position;
  }

  /** A bookmark: there is nothing more to tell up to `resourceVersion`. */
  passed(resourceVersion: string): void {
    this.#position = resourceVersion;
  }

  /** An ADDED or MODIFIED event. */
  put(object: T): readonly CacheChange<T>[] {
    this.#position = object.metadata.resourceVersion ?? this.#position;
    return this.#isPast(object) ? [] : this.#keep(object, true);
  }

  /** A DELETED event. */
  remove(object: T): readonly CacheChange<T>[] {
    const name = nameOf(object);
    const { uid, resourceVersion } = object.metadata;
    this.#position = resourceVersion ?? this.#position;
    if (this.#own.get(name)?.uid === uid) {
      this.#own.delete(name);
    }
    const known = this.#objects.get(name);
    if (known === undefined || known.metadata.uid !== uid) {
      return [];
    }
    this.#objects.delete(name);
    return [{ kind: "removed", object: known, isSeen: true }];
  }

  /** A complete list. What it does not have is gone; an object of the same name with another uid is another object. */
  replace(objects: readonly T[], resourceVersion: string): readonly CacheChange<T>[] {
    if (isEarlier(resourceVersion, this.#position) === true) {
      // The server was set back (etcd restored): what this process has written may not be there any more.
      this.#own.clear();
    }
    this.#position = resourceVersion;
    const listed = new Map(objects.map((object) => [nameOf(object), object.metadata.uid]));
    const changes: CacheChange<T>[] = [];
    for (const [name, known] of this.#objects) {
      const own = this.#own.get(name);
      const isNewer = own !== undefined && isEarlier(resourceVersion, own.resourceVersion) === true;
      if (!listed.has(name) && !isNewer) {
        this.#objects.delete(name);
        changes.push({ kind: "removed", object: known, isSeen: false });
      }
    }
    for (const [name, own] of this.#own) {
      // A list that still has what we let go was read before that.
      const isSettled = own.isGone
        ? listed.get(name) !== own.uid
        : isEarlier(resourceVersion, own.resourceVersion) !== true;
      if (isSettled) {
        this.#own.delete(name);
      }
    }
    return [...changes, ...objects.flatMap((object) => (this.#isPast(object) ? [] : this.#keep(object, false)))];
  }

  /** The server's answer to a write of this process. */
  observe(object: T): readonly CacheChange<T>[] {
    const name = nameOf(object);
    const known = this.#objects.get(name);
    const { uid, resourceVersion } = object.metadata;
    const own = this.#own.get(name);
    const isGone = own?.isGone === true && own.uid === uid;
    const seen = known === undefined ? this.#position : known.metadata.resourceVersion;
    if (isGone || isEarlier(resourceVersion, seen) === true) {
      // The watch was quicker and has seen more: a later state, or the end of the object.
      return [];
    }
    const changes = this.#keep(object, true);
    if (changes.length > 0) {
      this.#own.set(name, { uid, resourceVersion, isGone: false });
    }
    return changes;
  }

  /** This process has let the object go: late events of it do not bring it back. */
  forget(object: T): readonly CacheChange<T>[] {
    const name = nameOf(object);
    const known = this.#objects.get(name);
    const { uid } = object.metadata;
    if (known === undefined || known.metadata.uid !== uid) {
      return [];
    }
    this.#objects.delete(name);
    this.#own.set(name, { uid, resourceVersion: known.metadata.resourceVersion, isGone: true });
    return [{ kind: "removed", object: known, isSeen: true }];
  }

  /** Whether this state of the object is from before a write of our own. Notes where the watch has caught up with it. */
  #isPast(object: T): boolean {
    const name = nameOf(object);
    const own = this.#own.get(name);
    if (own === undefined) {
      return false;
    }
    const { uid, resourceVersion } = object.metadata;
    if (own.isGone && own.uid === uid) {
      return true;
    }
    // Where versions cannot be compared, everything of this object is past until the write itself is seen.
    const isUnseen = own.uid === uid && resourceVersion !== own.resourceVersion;
    const isBefore = isEarlier(resourceVersion, own.resourceVersion) ?? isUnseen;
    if (!isBefore) {
      this.#own.delete(name);
    }
    return isBefore;
  }

  #keep(object: T, isSeen: boolean): readonly CacheChange<T>[] {
    const name = nameOf(object);
    const old = this.#objects.get(name);
    if (
      old?.metadata.uid === object.metadata.uid &&
      old?.metadata.resourceVersion === object.metadata.resourceVersion
    ) {
      return [];
    }
    const kept = deepFreeze(stripped(object));
    this.#objects.set(name, kept);
    if (old === undefined) {
      return [{ kind: "put", object: kept }];
    }
    return old.metadata.uid === kept.metadata.uid
      ? [{ kind: "put", object: kept, old }]
      : [
          { kind: "removed", object: old, isSeen },
          { kind: "put", object: kept },
        ];
  }
}
