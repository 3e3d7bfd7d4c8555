import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { formatKey, keyOf, kinds, type AnyObject, type Kind, type ObjectKey } from "#kinds/index.ts";
import type { OriginProof } from "../../admission/origin-proof.ts";
import type { CacheChange } from "../../kube/cache.ts";
import { deepFreeze } from "../freeze.ts";
import type { Stored } from "../source.ts";
import { mustBeTakenAway } from "./names.ts";
import type { AnyStatus } from "./status-fields.ts";
import { Verdicts } from "./verdicts.ts";

/** A change of a status that could not be written yet. */
export type StatusChange = (status: AnyStatus) => AnyStatus;

/** What the view needs. */
interface ViewOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly origin: Pick<OriginProof, "holdsFor">;
  /** An object is not there any more, and nobody saw it being deleted. It stays in the view until `remove` or `put`. */
  readonly onVanished: () => void;
}

/**
 * The objects as the controller sees them: the cluster's, and those that the cluster has lost though what they gave is still to
 * be taken away. Such a Grant keeps its name until it is released; an object of that name that came after it is seen then.
 */
export class ClusterView {
  readonly #options: ViewOptions;
  readonly #verdicts: Verdicts;
  readonly #shown = new Map<Kind, Map<string, Stored>>(kinds.map((kind) => [kind, new Map<string, Stored>()]));
  /** The cluster's own, in the form that is used. */
  readonly #actual = new Map<string, AnyObject>();
  /** Grants that the cluster has lost: being deleted. */
  readonly #lost = new Map<string, AnyObject>();
  readonly #vanished = new Map<string, AnyObject>();
  readonly #owed = new Map<string, { readonly uid: string | undefined; readonly changes: readonly StatusChange[] }>();

  constructor(options: ViewOptions) {
    this.#options = options;
    this.#verdicts = new Verdicts(options.log);
  }

  get(key: ObjectKey): Stored | undefined {
    return this.#shown.get(key.kind)?.get(formatKey(key));
  }

  list(kind: Kind): readonly Stored[] {
    return [...(this.#shown.get(kind)?.values() ?? [])];
  }

  /** The cluster's object of that name, without what is owed to it. */
  actual(key: ObjectKey): AnyObject | undefined {
    return this.#actual.get(formatKey(key));
  }

  /** Whether the object that is shown under this name is one that the cluster does not have any more. */
  isRemembered(key: ObjectKey): boolean {
    return this.#lost.has(formatKey(key)) || this.#vanished.has(formatKey(key));
  }

  /** Objects that are not there any more and whose deletion nobody saw, by key. */
  get vanished(): ReadonlyMap<string, AnyObject> {
    return this.#vanished;
  }

  /** Why objects are not used as they are written, as sentences. */
  problems(): readonly string[] {
    return this.#verdicts.all();
  }

  /** Takes over what the cluster says. */
  take({ kind, object, ...rest }: CacheChange<AnyObject>): void {
    const text = formatKey(keyOf(object));
    if (kind === "put") {
      const vanished = this.#vanished.get(text);
      this.#vanished.delete(text);
      if (vanished !== undefined && vanished.metadata.uid !== object.metadata.uid) {
        this.#lose(text, vanished);
      }
      const used = this.#verdicts.judge(object, this.#actual.get(text));
      if (used === undefined) {
        this.#actual.delete(text);
      } else {
        this.#actual.set(text, used);
      }
    } else {
      const known = this.#withOwed(text, this.#actual.get(text)) ?? object;
      this.#actual.delete(text);
      this.#verdicts.forget(text);
      const isDeleted = ("isSeen" in rest && rest.isSeen) || object.metadata.deletionTimestamp !== undefined;
      if (isDeleted) {
        this.#lose(text, known);
      } else {
        this.#vanished.set(text, known);
      }
    }
    this.#show(object.kind, text);
    if (this.#vanished.has(text)) {
      this.#options.onVanished();
    }
  }

  /** What vanished counts as deleted. */
  remove(key: ObjectKey): void {
    const text = formatKey(key);
    const known = this.#vanished.get(text);
    if (known !== undefined) {
      this.#vanished.delete(text);
      this.#lose(text, known);
      this.#show(key.kind, text);
    }
  }

  /** Shows a Grant that only AWS remembers, as being deleted. */
  addLost(object: AnyObject): void {
    const text = formatKey(keyOf(object));
    this.#lose(text, object);
    this.#show(object.kind, text);
  }

  /** Forgets a lost Grant: nothing of it is left. */
  releaseLost(key: ObjectKey): void {
    this.#lost.delete(formatKey(key));
    this.#show(key.kind, formatKey(key));
  }

  /** Another status of an object that the cluster does not have any more: memory is all that it has. */
  setRememberedStatus(key: ObjectKey, status: AnyStatus): void {
    const text = formatKey(key);
    for (const remembered of [this.#lost, this.#vanished]) {
      const known = remembered.get(text);
      if (known !== undefined) {
        remembered.set(text, deepFreeze({ ...known, status } as AnyObject));
      }
    }
    this.#show(key.kind, text);
  }

  /** Changes of the status that the cluster does not have yet. */
  owed(key: ObjectKey): readonly StatusChange[] {
    const text = formatKey(key);
    const { uid, changes = [] } = this.#owed.get(text) ?? {};
    return uid === this.#actual.get(text)?.metadata.uid ? changes : [];
  }

  /** Replaces the changes that are owed; none where the list is empty. */
  setOwed(key: ObjectKey, changes: readonly StatusChange[]): void {
    const text = formatKey(key);
    if (changes.length === 0) {
      this.#owed.delete(text);
    } else {
      this.#owed.set(text, { uid: this.#actual.get(text)?.metadata.uid, changes });
    }
    this.#show(key.kind, text);
  }

  /** Keys of the objects to which a status is owed. */
  debtors(): readonly string[] {
    return [...this.#owed.keys()];
  }

  #lose(text: string, object: AnyObject): void {
    this.#owed.delete(text);
    if (!mustBeTakenAway(object)) {
      return;
    }
    const deletionTimestamp = object.metadata.deletionTimestamp ?? new Date(this.#options.clock.now()).toISOString();
    const metadata = { ...object.metadata, deletionTimestamp };
    this.#lost.set(text, deepFreeze({ ...object, metadata }));
    this.#options.log.error("a Grant is gone from the cluster before its access was; it is taken away all the same", {
      grant: text,
      grantID: object.status?.grantID,
    });
  }

  #withOwed(text: string, object: AnyObject | undefined): AnyObject | undefined {
    const owed = this.#owed.get(text);
    if (object === undefined || owed === undefined || owed.uid !== object.metadata.uid) {
      return object;
    }
    const status = owed.changes.reduce<AnyStatus>(
      (before, change) => change(before),
      (object.status ?? {}) as AnyStatus,
    );
    return deepFreeze({ ...object, status } as AnyObject);
  }

  #show(kind: Kind, text: string): void {
    const shown = this.#shown.get(kind);
    const object = this.#lost.get(text) ?? this.#vanished.get(text) ?? this.#withOwed(text, this.#actual.get(text));
    if (object === undefined) {
      shown?.delete(text);
      return;
    }
    const origin = this.#options.origin.holdsFor(object) ? "api" : "cluster";
    shown?.set(text, Object.freeze({ object, origin, problems: this.#verdicts.of(text) }));
  }
}
