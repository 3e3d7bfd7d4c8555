import type { AnyObject, Grant, Kind, ObjectKey } from "#kinds/index.ts";

/** An object as the controller sees it: spec as last accepted, metadata and status as the source keeps them. */
export interface Stored<T extends AnyObject = AnyObject> {
  /** Deeply frozen. `metadata.deletionTimestamp` is set from the moment its file or object is deleted until `release`. */
  readonly object: T;
  /** Where it was written, for messages: `grants/ada.yaml:3`, or `api` for what was made through the control API. */
  readonly origin: string;
  /** Why the newest text of it could not be accepted; the object above is then the last good one. Empty when all is well. */
  readonly problems: readonly string[];
}

/** What remains of an ended Grant until its notAfterTime, so that re-creating it does not open access again. */
export interface Tombstone {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Digest of the Grant's spec (`specDigest`). */
  readonly specDigest: string;
  /** RFC 3339; it is kept until then. */
  readonly notAfterTime: string;
}

/** A Grant that AWS remembers (by the tags of its permission set) though the state does not. */
export interface Recovered {
  readonly key: ObjectKey;
  readonly uid: string;
  /** Status as far as the tags give it back; enough to revoke. */
  readonly status: NonNullable<Grant["status"]>;
  /** Fields of the spec that the tags tell. They stand in for the spec until its text is read. */
  readonly spec?: Partial<Grant["spec"]>;
}

/**
 * Where objects come from and where their status goes: a folder of YAML, or a cluster. One contract suite runs on both.
 * Everything but `isBlank` and `preview` answers from memory; only writes touch the disk or the network.
 */
export interface Source {
  /**
   * Takes the single-writer lock where there is one and reads everything once; resolves when `list` is complete. Rejects with a
   * `UserError` where another controller holds the lock, or what there is cannot be read. Stops on `close`.
   * Subscribers are told of changes after that only. A second call answers what the first did.
   */
  start(): Promise<void>;
  /** Whether this source has never held state: the moment to ask AWS what it remembers, before `start`. */
  isBlank(): Promise<boolean>;
  /** The Proxies, and maybe more, that there are now: asked before `start`, without taking anything over. A folder that cannot be read has none. */
  preview(): Promise<readonly AnyObject[]>;
  /**
   * Gives back what AWS remembers. A Grant that is still the same gets its status, and where the source gives out uids, its uid;
   * what AWS has of a Grant that is gone, or is another one by now, appears as being deleted until it is released. No clock
   * starts again. Before `start` only.
   */
  adopt(recovered: readonly Recovered[]): void;
  list<K extends Kind>(kind: K): readonly Stored<Extract<AnyObject, { kind: K }>>[];
  get<K extends Kind>(kind: K, namespace: string, name: string): Stored<Extract<AnyObject, { kind: K }>> | undefined;
  /**
   * Calls `onChange` with the key of every object that was added, changed or deleted, or whose `problems` changed. Returns
   * the unsubscribe function.
   */
  subscribe(onChange: (key: ObjectKey) => void): () => void;
  /**
   * Changes the status of the object that has this uid: `change` gets the current status and returns the new one. Durable
   * when it resolves. A no-op where nothing changed, or where the object is gone or has another uid. Subscribers are told
   * only of changes that they did not make themselves: pass `notify: true` for writes from outside the reconcile loop.
   */
  writeStatus<T extends AnyObject>(
    object: T,
    change: (status: NonNullable<T["status"]>) => NonNullable<T["status"]>,
    options?: { readonly notify?: boolean },
  ): Promise<void>;
  /** Adds an object made through the control API. Rejects with a `UserError` when the name is taken or the object is invalid. */
  create<T extends AnyObject>(object: T): Promise<Stored<T>>;
  /**
   * Changes spec, labels and annotations of an object that was made through the API; the rules for changes of its kind apply.
   * Rejects with a `UserError` where it is not there, is defined in a file, or the change is not allowed.
   */
  update<T extends AnyObject>(object: T): Promise<Stored<T>>;
  /** Deletes an object that was made through the API; what a file says can only be deleted there. */
  delete(key: ObjectKey): Promise<void>;
  /**
   * Deletes an object that has had its time, also where somebody made it with kubectl; a Grant stays, marked, until it is released. A no-op
   * where it is gone or has another uid, or where a file says it.
   */
  forget(object: AnyObject): Promise<void>;
  /**
   * Lets a deleted object that was held for clean-up go (the finalizer's removal; see `needsCleanUp`). Durable when it resolves. A no-op where the object is not being
   * deleted, is gone or has another uid. Where its text is there again, it comes back as a new object with another uid.
   */
  release(object: AnyObject): Promise<void>;
  /** Durable when it resolves. */
  putTombstone(tombstone: Tombstone): Promise<void>;
  /**
   * The tombstone of that name, unless its notAfterTime has passed. A name that ended with several specs has one for each:
   * give `specDigest` to ask for that very one; otherwise it is the one that stands longest.
   */
  tombstone(namespace: string, name: string, specDigest?: string): Tombstone | undefined;
  /** A mass disappearance that is being held, with the keys; undefined when there is none. */
  held(): { readonly keys: readonly ObjectKey[]; readonly since: string } | undefined;
  /** Confirms the mass disappearance that is held now: what is gone is then deleted. */
  confirmHeld(): Promise<void>;
  /** Files that could not be read or accepted, as formatted problems with their places. */
  problems(): readonly string[];
  /** Stops watching, flushes, gives up the lock. */
  close(): Promise<void>;
}
