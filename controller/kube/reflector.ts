import { pause, type Clock } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import { type Backoff, backoffMinMs, createBackoff } from "./backoff.ts";
import { ObjectCache, type CacheChange } from "./cache.ts";
import { isKubeFailure, KubeFailure } from "./failure.ts";
import { isEarlier, type KubeObject } from "./object.ts";
import type { ResourceClient } from "./resource.ts";
import { readEvent } from "./watch-event.ts";

/** Shortest and longest life of a watch, in seconds: random, so that not all are renewed at once (client-go). */
export const watchSeconds = { min: 300, max: 600 } as const;

/**
 * Silence, in milliseconds, after which a watch counts as dead. Bookmarks come about every 60 s, and the server keeps about 75 s of
 * events: a watch that is resumed now misses nothing and needs no list.
 */
export const silenceMaxMs = 70_000;

/** A watch that ended within this time, in milliseconds, without having told anything is waited after like a failure. */
export const shortWatchMs = 1_000;

/**
 * So many watches that fail one after the other without telling anything, and for a reason that is not the server's being away or
 * busy, are followed by a list: what lets lists through and not watches must not leave the cache as it was.
 */
export const fruitlessWatchesMax = 5;

/**
 * So long, in milliseconds, the server must say of a list that there is no such kind before that counts as a list of nothing: its
 * definition was deleted, and every object with it. A server that has just begun says so for a moment of kinds that it has.
 */
export const kindGoneMs = 10_000;

/** How long a start waits for the first list, in milliseconds: controller-runtime's CacheSyncTimeout. */
export const syncTimeoutMs = 120_000;

/** What a reflector needs. */
export interface ReflectorOptions<T extends KubeObject> {
  readonly resource: ResourceClient<T>;
  /** For messages: `grants`. */
  readonly name: string;
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  /** A cluster that never had this kind is not one to start on. Absent: it counts as having no objects. */
  readonly isRequired?: boolean;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** Told of what the server tells; not of this process's own writes. */
  readonly onChange: (change: CacheChange<T>) => void;
}

/** What is known of a reflector's work; times are monotonic milliseconds. */
export interface ReflectorStats {
  readonly isSynced: boolean;
  readonly objects: number;
  /** When a list was last complete; undefined before the first. */
  readonly lastListMs: number | undefined;
  /** When the server last told anything on a watch, bookmarks included. */
  readonly lastEventMs: number | undefined;
  /** When the reflector last did anything at all: it is stuck where this is minutes ago. */
  readonly lastStepMs: number;
  readonly lists: number;
  readonly watches: number;
  /** What went wrong last and has not gone right since. */
  readonly failure: KubeFailure | undefined;
}

/**
 * Keeps a cache equal to what the API server has of one kind: a paged list, then watches that are resumed where they broke off,
 * and a new list only where the server says that it must be. It never gives up by itself.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #cache = new ObjectCache<T>();
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #mustList = true;
  /** Something failed: the server may have come back with an older store, of which a watch would tell nothing for a long time. */
  #mustCompare = false;
  #kindGoneSinceMs: number | undefined;
  /** Whoever waits for a list that has not begun yet. */
  #awaited: PromiseWithResolvers<void>[] = [];
  #endWatch: () => void = () => {};
  #endWait: () => void = () => {};
  #fruitless = 0;
  #stats: Omit<ReflectorStats, "objects">;

  constructor(options: ReflectorOptions<T>) {
    const { clock, random } = options;
    this.#options = options;
    this.#backoff = createBackoff(clock, random);
    this.#synced.promise.catch(() => {});
    const none = { lastListMs: undefined, lastEventMs: undefined, failure: undefined };
    this.#stats = { ...none, isSynced: false, lastStepMs: clock.monotonicMs(), lists: 0, watches: 0 };
  }

  /** What it follows, for messages. */
  get name(): string {
    return this.#options.name;
  }

  /** The objects as last known. */
  get cache(): Pick<ObjectCache<T>, "get" | "list" | "observe" | "forget"> {
    return this.#cache;
  }

  /** Begins; goes on until `stop`. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the watch and resolves when nothing more will be told. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const stopped = new Error("the reflector was stopped");
    this.#synced.reject(stopped);
    await this.#running;
    for (const { reject } of this.#awaited.splice(0)) {
      reject(stopped);
    }
  }

  /** Resolves when the first list is complete. Rejects with a `UserError` after `timeoutMs`: a controller must not act on half of what there is. */
  async waitForSync(timeoutMs = syncTimeoutMs): Promise<void> {
    const { clock, name } = this.#options;
    const late = Promise.withResolvers<never>();
    const cancel = clock.after(timeoutMs, () => {
      const why = this.#stats.failure?.message ?? "The API server did not answer.";
      const what = `the ${name} of the cluster could not be listed within ${Math.round(timeoutMs / 1_000)} s`;
      const next = "Check that the API server can be reached, that the CRDs are installed, and the controller's RBAC.";
      late.reject(new UserError("CacheNotSynced", what, { why, next }));
    });
    try {
      await Promise.race([this.#synced.promise, late.promise]);
    } finally {
      cancel();
    }
  }

  /** Lists again, however well the watch does; resolves when a list that began after the call is complete. */
  relist(): Promise<void> {
    const listed = Promise.withResolvers<void>();
    this.#awaited.push(listed);
    this.#mustList = true;
    this.#endWatch();
    this.#endWait();
    return listed.promise;
  }

  stats(): ReflectorStats {
    return { ...this.#stats, objects: this.#cache.list().length };
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#step();
      try {
        if (this.#mustCompare && !this.#mustList) {
          await this.#compare();
        }
        await (this.#mustList ? this.#list() : this.#watch());
      } catch (thrown) {
        await this.#recover(thrown);
      }
    }
  }

  /** A complete list, always a consistent read: one from a server's cache may show objects as they were before what was seen last. */
  async #list(): Promise<void> {
    const { resource, namespace } = this.#options;
    const { signal } = this.#stopping;
    const items: T[] = [];
    const awaited = this.#awaited.length;
    let page = await resource.page(namespace, undefined, { signal });
    items.push(...page.items);
    while (page.next !== undefined) {
      this.#step();
      page = await resource.page(namespace, page.next, { signal });
      items.push(...page.items);
    }
    const { position } = this.#cache;
    if (isEarlier(page.resourceVersion, position) === true) {
      const { log, name } = this.#options;
      const fields = { resource: name, before: position, now: page.resourceVersion };
      log.error("the cluster was set back to an older state", fields);
    }
    this.#listed(items, page.resourceVersion, awaited);
    this.#mustList = this.#awaited.length > 0;
    this.#mustCompare = false;
    this.#kindGoneSinceMs = undefined;
    this.#stats = { ...this.#stats, failure: undefined };
  }

  #listed(items: readonly T[], resourceVersion: string, awaited: number): void {
    this.#tell(this.#cache.replace(items, resourceVersion));
    for (const { resolve } of this.#awaited.splice(0, awaited)) {
      resolve();
    }
    this.#fruitless = 0;
    const { lists } = this.#stats;
    this.#stats = { ...this.#stats, isSynced: true, lastListMs: this.#step(), lists: lists + 1 };
    this.#synced.resolve();
  }

  /** The server has no such kind. Where it goes on to say so, there are no objects of it, and nobody waits for a list any more. */
  #kindIsGone(): void {
    const { isRequired = false, log, name } = this.#options;
    const nowMs = this.#step();
    this.#kindGoneSinceMs ??= nowMs;
    if (nowMs - this.#kindGoneSinceMs >= kindGoneMs && (this.#stats.isSynced || !isRequired)) {
      log[this.#stats.isSynced ? "debug" : "error"]("the cluster has no such kind", { resource: name });
      this.#listed([], this.#cache.position ?? "0", this.#awaited.length);
    }
  }

  /** Whether the store was set back while the server was away. A watch from a version that is still to come is silent until then. */
  async #compare(): Promise<void> {
    const { resource, namespace } = this.#options;
    // A consistent read, of one object at most: what counts is the version that the cluster has now.
    const { resourceVersion } = await resource.page(namespace, undefined, { signal: this.#stopping.signal, limit: 1 });
    this.#mustCompare = false;
    this.#mustList ||= isEarlier(resourceVersion, this.#cache.position) === true;
  }

  async #watch(): Promise<void> {
    const { resource, namespace, clock, random } = this.#options;
    const position = this.#cache.position ?? "";
    const spread = watchSeconds.max - watchSeconds.min + 1;
    const lines = resource.watch(namespace, position, watchSeconds.min + Math.floor(random() * spread));
    const startedMs = this.#step();
    this.#stats = { ...this.#stats, watches: this.#stats.watches + 1 };
    const stop = (): void => lines.close();
    this.#endWatch = stop;
    this.#stopping.signal.addEventListener("abort", stop, { once: true });
    let cancelSilence = clock.after(silenceMaxMs, stop);
    try {
      for await (const line of lines) {
        cancelSilence();
        cancelSilence = clock.after(silenceMaxMs, stop);
        this.#stats = { ...this.#stats, lastEventMs: this.#step(), failure: undefined };
        this.#fruitless = 0;
        this.#take(line);
      }
    } finally {
      cancelSilence();
      this.#stopping.signal.removeEventListener("abort", stop);
      lines.close();
    }
    const isIdle = this.#cache.position === position;
    const isAsked = this.#stopping.signal.aborted || this.#mustList;
    if (isIdle && this.#step() - startedMs < shortWatchMs && !isAsked) {
      throw new KubeFailure("unavailable", "the watch ended at once", { reason: "VeryShortWatch" });
    }
  }

  #take(line: string): void {
    const event = readEvent<T>(line);
    switch (event.type) {
      case "BOOKMARK":
        if (isEarlier(event.resourceVersion, this.#cache.position) === true) {
          throw new KubeFailure("gone", "the store was set back to before what was seen", { reason: "SetBack" });
        }
        this.#cache.passed(event.resourceVersion);
        return;
      case "DELETED":
        this.#tell(this.#cache.remove(event.object));
        return;
      default:
        this.#tell(this.#cache.put(event.object));
    }
  }

  /** After a failure: resume where the watch was, unless the server says that this cannot be. */
  async #recover(thrown: unknown): Promise<void> {
    const { log, name, clock } = this.#options;
    const { signal } = this.#stopping;
    if (signal.aborted) {
      return;
    }
    const failure = isKubeFailure(thrown) ? thrown : new KubeFailure("unavailable", coerceError(thrown).message);
    const known = this.#stats.failure?.message === failure.message;
    this.#stats = { ...this.#stats, failure };
    const wasListing = this.#mustList;
    this.#mustCompare = true;
    if (wasListing && failure.kind === "notFound") {
      this.#kindIsGone();
    }
    // What a watch cannot be told is gone, too new for the server, or nothing that is known: only a list helps.
    this.#fruitless += isAway(failure) ? 0 : 1;
    this.#mustList ||= !resumable.has(failure.kind) || this.#fruitless >= fruitlessWatchesMax;
    const waitMs = this.#waitAfter(failure);
    const fields = { resource: name, kind: failure.kind, reason: failure.reason, why: failure.message, waitMs };
    log[known || isOrdinary(failure) ? "debug" : "warn"](
      wasListing ? "a list failed, will list again" : "a watch failed, will go on",
      { ...fields, lists: this.#mustList },
    );
    const waiting = new AbortController();
    this.#endWait = () => waiting.abort();
    signal.addEventListener("abort", this.#endWait, { once: true });
    await pause(clock, waitMs, waiting.signal).catch(() => {});
    signal.removeEventListener("abort", this.#endWait);
  }

  /** A server that is busy says when it wants to be asked again; another is given more and more time. */
  #waitAfter({ kind, retryAfterMs }: KubeFailure): number {
    return kind === "tooManyRequests" && retryAfterMs !== undefined
      ? Math.max(backoffMinMs * (1 + this.#options.random()), retryAfterMs)
      : this.#backoff.next(retryAfterMs);
  }

  #tell(changes: readonly CacheChange<T>[]): void {
    for (const change of changes) {
      try {
        this.#options.onChange(change);
      } catch (thrown) {
        this.#options.log.error("a change could not be passed on", {
          resource: this.#options.name,
          name: change.object.metadata.name,
          error: coerceError(thrown),
        });
      }
    }
  }

  #step(): number {
    const lastStepMs = this.#options.clock.monotonicMs();
    this.#stats = { ...this.#stats, lastStepMs };
    return lastStepMs;
  }
}

/** Failures after which the same watch may be resumed. `refused` is not among them: a watch that is refused as it stands never works. */
const resumable: ReadonlySet<string> = new Set([
  "unavailable",
  "tooManyRequests",
  "forbidden",
  "unauthorized",
  "notFound",
]);

/** A server that is away or busy would only have more to do with a list. */
function isAway({ kind, reason }: KubeFailure): boolean {
  return kind === "tooManyRequests" || reason === "ECONNREFUSED";
}

/** What belongs to the daily life of a watch. */
function isOrdinary({ kind, reason }: KubeFailure): boolean {
  return kind === "gone" || reason === "VeryShortWatch" || reason === "ECONNRESET";
}
