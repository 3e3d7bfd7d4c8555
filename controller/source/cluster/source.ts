import { formatKey, keyOf, type AnyObject, type Kind, type ObjectKey } from "#kinds/index.ts";
import { syncTimeoutMs, type ReflectorStats } from "../../kube/reflector.ts";
import type { Recovered, Source, Stored, Tombstone } from "../source.ts";
import { ApiObjects } from "./api-objects.ts";
import { Disappearance } from "./disappearance.ts";
import { Following } from "./following.ts";
import { GrantFinalizer } from "./grant-finalizer.ts";
import { News } from "./news.ts";
import type { ClusterSourceOptions } from "./options.ts";
import { lostGrant, restoredStatus, tombstoneOf } from "./restore.ts";
import { StatusBook } from "./status-book.ts";
import { ClusterTombstones } from "./tombstones.ts";
import { Turns } from "./turns.ts";
import { ClusterView, type StatusChange } from "./view.ts";

/** A source that reads a cluster. More than the interface: how its watches do. */
export interface ClusterSource extends Source {
  /** One entry for each watch, by what it watches: `grants`, or `team-a/grants`; `tombstones`. */
  watches(): ReadonlyMap<string, ReflectorStats>;
  /**
   * Resolves when what is in memory is at least as new as what the cluster has now. A watch can be dead for a minute before that
   * shows: whoever begins to act asks for this first.
   */
  catchUp(): Promise<void>;
}

/** The source on a cluster's API server. It asks nothing before `start`, but for `isBlank` and `preview`. The transport stays its maker's. */
export function createClusterSource(options: ClusterSourceOptions): ClusterSource {
  return new Cluster(options);
}

class Cluster implements ClusterSource {
  readonly #options: ClusterSourceOptions;
  readonly #turns = new Turns();
  readonly #news: News;
  readonly #view: ClusterView;
  readonly #disappearance: Disappearance;
  readonly #following: Following;
  readonly #tombstones: ClusterTombstones;
  readonly #finalizer: GrantFinalizer;
  readonly #book: StatusBook;
  readonly #api: ApiObjects;
  #recovered: readonly Recovered[] = [];
  #starting: Promise<void> | undefined;

  constructor(options: ClusterSourceOptions) {
    const { transport, clock, log, random, ownNamespace } = options;
    this.#options = options;
    this.#news = new News(log);
    const view = new ClusterView({ clock, log, origin: options.origin, onVanished: () => this.#disappearance.judge() });
    const following = new Following(options, {
      onChange: (change) => {
        view.take(change);
        this.#book.keep(change);
        this.#finalizer.keep(change.object);
        this.#news.heard(change);
      },
      onOwnChange: (change) => view.take(change),
      onAnswer: (object) => this.#news.answered(object),
    });
    const tombstones = new ClusterTombstones({ transport, namespace: ownNamespace, clock, random, log });
    const parts = { view, following, tombstones, turns: this.#turns, clock, log };
    this.#view = view;
    this.#following = following;
    this.#tombstones = tombstones;
    this.#disappearance = new Disappearance({ ...parts, onRemoved: (keys) => this.#news.tell(keys) });
    this.#finalizer = new GrantFinalizer(parts);
    this.#book = new StatusBook(parts);
    this.#api = new ApiObjects(view, following, options.origin);
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  isBlank(): Promise<boolean> {
    return this.#tombstones.isBlank();
  }

  preview(): Promise<readonly AnyObject[]> {
    return this.#following.read("Proxy");
  }

  adopt(recovered: readonly Recovered[]): void {
    if (this.#starting !== undefined) {
      throw new Error("adopt is for before start");
    }
    this.#recovered = recovered;
  }

  list<K extends Kind>(kind: K): readonly Stored<Extract<AnyObject, { kind: K }>>[] {
    return this.#view.list(kind) as readonly Stored<Extract<AnyObject, { kind: K }>>[];
  }

  get<K extends Kind>(kind: K, namespace: string, name: string) {
    return this.#view.get({ kind, namespace, name }) as Stored<Extract<AnyObject, { kind: K }>> | undefined;
  }

  subscribe(onChange: (key: ObjectKey) => void): () => void {
    return this.#news.subscribe(onChange);
  }

  async writeStatus<T extends AnyObject>(
    object: T,
    change: (status: NonNullable<T["status"]>) => NonNullable<T["status"]>,
    options: { readonly notify?: boolean } = {},
  ): Promise<void> {
    const key = keyOf(object);
    await this.#write(key, async () => {
      const isWritten = await this.#book.write(key, object.metadata.uid, change as unknown as StatusChange);
      await this.#finalizer.freeEnded(key);
      if (isWritten && options.notify === true) {
        this.#news.tell([key]);
      }
    });
  }

  create<T extends AnyObject>(object: T): Promise<Stored<T>> {
    return this.#made(keyOf(object), () => this.#api.create(object));
  }

  update<T extends AnyObject>(object: T): Promise<Stored<T>> {
    return this.#made(keyOf(object), () => this.#api.update(object));
  }

  async delete(key: ObjectKey): Promise<void> {
    await this.#write(key, () => this.#api.delete(key));
    this.#news.tell([key]);
  }

  async forget(object: AnyObject): Promise<void> {
    const key = keyOf(object);
    await this.#write(key, () => this.#api.forget(object));
    this.#news.tell([key]);
  }

  async release(object: AnyObject): Promise<void> {
    const key = keyOf(object);
    await this.#write(key, async () => {
      const shown = this.#view.get(key)?.object.metadata;
      if (shown?.deletionTimestamp === undefined || shown.uid !== object.metadata.uid) {
        return;
      }
      if (this.#view.isRemembered(key)) {
        this.#view.releaseLost(key);
      } else {
        await this.#finalizer.letGo(key);
      }
      this.#news.tell([key]);
    });
  }

  async putTombstone(tombstone: Tombstone): Promise<void> {
    await this.#tombstones.put(tombstone);
    const { namespace, name } = tombstone;
    const key: ObjectKey = { kind: "Grant", namespace, name };
    await this.#write(key, () => this.#finalizer.freeEnded(key));
  }

  tombstone(namespace: string, name: string, digest?: string): Tombstone | undefined {
    return this.#tombstones.find(namespace, name, digest);
  }

  held(): { readonly keys: readonly ObjectKey[]; readonly since: string } | undefined {
    return this.#disappearance.held();
  }

  async confirmHeld(): Promise<void> {
    this.#disappearance.confirm();
  }

  problems(): readonly string[] {
    const watches = [...this.watches()].flatMap(([name, { failure }]) =>
      failure === undefined ? [] : [`The cluster's ${name} cannot be followed now: ${failure.message}`],
    );
    return [...this.#disappearance.problems(), ...watches, ...this.#view.problems()];
  }

  watches(): ReadonlyMap<string, ReflectorStats> {
    return new Map([...this.#following.stats(), ["tombstones", this.#tombstones.reflector.stats()]]);
  }

  async catchUp(): Promise<void> {
    await Promise.all([...this.#following.reflectors, this.#tombstones.reflector].map((each) => each.relist()));
  }

  async close(): Promise<void> {
    this.#news.open(false);
    this.#disappearance.stop();
    this.#book.close();
    await Promise.all([...this.#following.reflectors, this.#tombstones.reflector].map((reflector) => reflector.stop()));
  }

  async #start(): Promise<void> {
    const { syncTimeoutMs: timeoutMs = syncTimeoutMs, clock } = this.#options;
    const reflectors = [...this.#following.reflectors, this.#tombstones.reflector];
    try {
      for (const reflector of reflectors) {
        reflector.start();
      }
      await Promise.all(reflectors.map((reflector) => reflector.waitForSync(timeoutMs)));
      for (const recovered of this.#recovered) {
        await this.#restore(recovered, clock.now());
      }
      await this.#tombstones.markStarted();
    } catch (thrown) {
      await this.close();
      throw thrown;
    }
    this.#news.open(true);
  }

  /**
   * AWS remembers this Grant. The same object in the cluster gets its status back. Any other object of that name is another Grant,
   * which the tombstone keeps from being given; what AWS has is taken away.
   */
  async #restore(recovered: Recovered, now: number): Promise<void> {
    const actual = this.#view.actual(recovered.key);
    if (actual?.kind === "Grant" && actual.metadata.uid === recovered.uid) {
      await this.writeStatus(actual, (status) => restoredStatus(status, recovered.status));
      return;
    }
    await this.#tombstones.put(tombstoneOf(recovered, now));
    this.#view.addLost(lostGrant(recovered, now));
  }

  async #made<T extends AnyObject>(key: ObjectKey, make: () => Promise<void>): Promise<Stored<T>> {
    await this.#write(key, make);
    this.#news.tell([key]);
    return this.#view.get(key) as Stored<T>;
  }

  /** One write of an object at a time: this process never loses against itself. */
  #write<T>(key: ObjectKey, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(formatKey(key), () => this.#news.during(key, work));
  }
}
