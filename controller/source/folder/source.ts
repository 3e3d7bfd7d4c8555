import { isDeepStrictEqual } from "node:util";
import { coerceError } from "#lib/errors.ts";
import { formatKey, keyOf, parseKey, type AnyObject, type Kind, type ObjectKey } from "#kinds/index.ts";
import { specDigest } from "#kinds/digest.ts";
import { validateObject } from "#kinds/validate.ts";
import { takeLock, unusable, type StateLock } from "../../state/lock.ts";
import { isBlankState, openState } from "../../state/sqlite.ts";
import type { ObjectRow, State } from "../../state/state.ts";
import type { Recovered, Source, Stored, Tombstone } from "../source.ts";
import { judgeAbsence, noAbsence, type Absent, type AbsenceMemory } from "../absence.ts";
import { decideScan, type Verdicts } from "./decide.ts";
import { folderUnreadable, inFile, invalidObject, nameTaken, noSuchObject } from "./errors.ts";
import { completed, type FolderSourceOptions } from "./options.ts";
import { createPacer, type Pacer } from "./pacer.ts";
import { type FolderProgress, Reports } from "./reports.ts";
import { deletions, newRow, nextRow, recoveredRow, withStatus } from "./rows.ts";
import { createFolderReader, FolderUnsteady, type FolderReader, type Snapshot } from "./snapshot.ts";
import { placeIn } from "./snapshot-places.ts";
import { ObjectStore } from "./store.ts";
import { Tombstones } from "./tombstones.ts";
import { FolderTooLarge, FolderUnreadable } from "./walk.ts";
import type { FolderWatch } from "./watch.ts";

/** How soon, in milliseconds, a scan that came to nothing is tried again. */
const retryMs = 1_000;

/** A source that reads a folder. More than the interface: a scan at will. */
export interface FolderSource extends Source {
  /** Reads the folder now and takes over what changed. */
  rescan(): Promise<void>;
  progress(): FolderProgress;
  /** Whether `start` has resolved and `close` was not called. */
  isStarted(): boolean;
}

/** The folder source; it touches nothing before `start`, but for `isBlank`, which looks. */
export function createFolderSource(options: FolderSourceOptions): FolderSource {
  return new YamlFolder(options);
}

/** What there is between `start` and `close`. */
interface Open {
  readonly lock: StateLock;
  readonly state: State;
  readonly store: ObjectStore;
  readonly tombstones: Tombstones;
}

class YamlFolder implements FolderSource {
  readonly #options: Required<FolderSourceOptions>;
  readonly #reader: FolderReader;
  readonly #pacer: Pacer;
  readonly #watch: FolderWatch;
  readonly #reports: Reports;
  readonly #earlySubscribers = new Map<(key: ObjectKey) => void, () => void>();
  #recovered: readonly Recovered[] = [];
  #starting: Promise<void> | undefined;
  #open: Open | undefined;
  #isStarted = false;
  #snapshot: Snapshot | undefined;
  #absence: AbsenceMemory = noAbsence;

  constructor(options: FolderSourceOptions) {
    const all = completed(options);
    const { clock, log, folder, namespace } = all;
    this.#options = all;
    this.#reader = createFolderReader(folder, namespace, () => clock.monotonicMs());
    this.#pacer = createPacer(clock, all.scanPeriodMs, () => this.#scan());
    this.#watch = all.watch(() => this.#pacer.hint(), log);
    this.#reports = new Reports(clock, log);
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  async isBlank(): Promise<boolean> {
    return this.#open === undefined && isBlankState(this.#options.state);
  }

  adopt(recovered: readonly Recovered[]): void {
    if (this.#starting !== undefined) {
      throw new Error("adopt is for before start");
    }
    this.#recovered = recovered;
  }

  list<K extends Kind>(kind: K): readonly Stored<Extract<AnyObject, { kind: K }>>[] {
    return this.#store.list(kind) as readonly Stored<Extract<AnyObject, { kind: K }>>[];
  }

  get<K extends Kind>(kind: K, namespace: string, name: string) {
    return this.#store.get({ kind, namespace, name }) as Stored<Extract<AnyObject, { kind: K }>> | undefined;
  }

  subscribe(onChange: (key: ObjectKey) => void): () => void {
    if (this.#open !== undefined) {
      return this.#open.store.subscribe(onChange);
    }
    const subscriber = (key: ObjectKey): void => onChange(key);
    this.#earlySubscribers.set(subscriber, () => {});
    return () => {
      this.#earlySubscribers.get(subscriber)?.();
      this.#earlySubscribers.delete(subscriber);
    };
  }

  async writeStatus<T extends AnyObject>(
    object: T,
    change: (status: NonNullable<T["status"]>) => NonNullable<T["status"]>,
    options: { readonly notify?: boolean } = {},
  ): Promise<void> {
    const row = this.#rowOf(object);
    if (row === undefined) {
      return;
    }
    const before = row.object.status ?? {};
    const wanted = change(before);
    if (isDeepStrictEqual(before, wanted)) {
      return;
    }
    // Through JSON, so that memory holds what the disk will give back.
    const after: unknown = JSON.parse(JSON.stringify(wanted));
    if (isDeepStrictEqual(before, after)) {
      return;
    }
    const told = options.notify === true ? [keyOf(object)] : [];
    this.#write([withStatus(row, after)], [], told);
    this.#notify(told);
  }

  async create<T extends AnyObject>(object: T): Promise<Stored<T>> {
    const { valid, digest } = this.#validated(object);
    const key = keyOf(valid);
    const known = this.#store.get(key);
    const place = placeIn(this.#snapshot, key);
    if (known !== undefined || place !== undefined) {
      throw nameTaken(key, known?.origin ?? `${place?.file}:${place?.line}`);
    }
    const { newUID, clock } = this.#options;
    this.#store.write([newRow(valid, digest, { via: "api" }, newUID(), clock.now())]);
    this.#notify([key]);
    return this.#store.get(key) as Stored<T>;
  }

  async update<T extends AnyObject>(object: T): Promise<Stored<T>> {
    const key = keyOf(this.#validated(object).valid);
    const row = this.#madeByApi(key);
    if (row.object.metadata.deletionTimestamp !== undefined) {
      throw noSuchObject(key);
    }
    const { valid, digest } = this.#validated(object, row.object);
    this.#store.write([nextRow(row, valid, digest, row.origin)]);
    this.#notify([key]);
    return this.#store.get(key) as Stored<T>;
  }

  async delete(key: ObjectKey): Promise<void> {
    this.#remove([this.#madeByApi(key)]);
  }

  async forget(object: AnyObject): Promise<void> {
    const row = this.#rowOf(object);
    this.#remove(row?.origin.via === "api" ? [row] : []);
  }

  async release(object: AnyObject): Promise<void> {
    const row = this.#rowOf(object);
    if (row?.object.metadata.deletionTimestamp === undefined) {
      return;
    }
    this.#store.write([], [keyOf(object)]);
    this.#notify([keyOf(object)]);
    if (this.#snapshot !== undefined && placeIn(this.#snapshot, keyOf(object)) !== undefined) {
      this.#take(this.#snapshot);
    }
  }

  async putTombstone(tombstone: Tombstone): Promise<void> {
    this.#opened.tombstones.put(tombstone);
  }

  tombstone(namespace: string, name: string, digest?: string): Tombstone | undefined {
    return this.#opened.tombstones.find(namespace, name, digest);
  }

  held(): { readonly keys: readonly ObjectKey[]; readonly since: string } | undefined {
    return this.#reports.held();
  }

  async confirmHeld(): Promise<void> {
    // The files may be back by now: only what is still missing is confirmed.
    await this.#pacer.now();
    const keys = this.#reports.held()?.keys ?? [];
    const rows = keys.flatMap((key) => this.#store.rows.get(formatKey(key)) ?? []);
    this.#remove(rows);
    this.#reports.setHeld([]);
    this.#options.log.warn("a mass disappearance was confirmed", { keys: keys.map(formatKey) });
  }

  problems(): readonly string[] {
    return this.#reports.problems();
  }

  async preview(): Promise<readonly AnyObject[]> {
    try {
      const { files } = await this.#reader.read();
      return [...files.values()].flatMap(({ entries }) => entries.flatMap(({ object }) => object ?? []));
    } catch {
      return [];
    }
  }

  rescan(): Promise<void> {
    return this.#pacer.now();
  }

  progress(): FolderProgress {
    return this.#reports.progress();
  }

  isStarted(): boolean {
    return this.#isStarted;
  }

  async close(): Promise<void> {
    await this.#pacer.stop();
    this.#watch.close();
    this.#open?.state.close();
    this.#open?.lock.release();
    this.#open = undefined;
    this.#isStarted = false;
  }

  async #start(): Promise<void> {
    const { state: directory, clock, log, folder } = this.#options;
    const lock = takeLock(directory, clock.now());
    let state: State | undefined;
    try {
      state = openState(directory);
      const { objects, tombstones } = state.load();
      const store = new ObjectStore(state, log);
      store.load(objects);
      this.#open = { lock, state, store, tombstones: new Tombstones(state, clock, tombstones) };
    } catch (thrown) {
      state?.close();
      lock.release();
      throw thrown;
    }
    try {
      const unknown = this.#recovered.filter(({ key }) => !this.#store.rows.has(formatKey(key)));
      this.#store.write(unknown.map((recovered) => recoveredRow(recovered, clock.now())));
      await this.#pacer.now();
      const failure = this.#reports.scanFailure();
      if (failure !== undefined && this.#store.rows.size === 0) {
        throw isAboutFolder(failure) ? folderUnreadable(folder, failure.message) : unusable(directory, failure);
      }
      this.#opened.state.markStarted();
    } catch (thrown) {
      await this.close();
      throw thrown;
    }
    for (const subscriber of this.#earlySubscribers.keys()) {
      this.#earlySubscribers.set(subscriber, this.#store.subscribe(subscriber));
    }
    this.#isStarted = true;
  }

  async #scan(): Promise<void> {
    try {
      const snapshot = await this.#reader.read();
      this.#watch.follow(snapshot.directories);
      this.#take(snapshot);
      this.#reports.setScanFailure(undefined);
    } catch (thrown) {
      this.#reports.setScanFailure(coerceError(thrown));
      if (thrown instanceof FolderUnreadable) {
        this.#folderGone();
      } else if (thrown instanceof FolderUnsteady) {
        this.#pacer.later(retryMs);
      }
    }
  }

  /** Accepts, deletes and holds what the snapshot says. Nothing happens in part: what is written is written at once. */
  #take(snapshot: Snapshot): void {
    const verdicts = decideScan(this.#store.rows, snapshot);
    const { clock } = this.#options;
    const absence = judgeAbsence(this.#store.rows, verdicts.absent, this.#absence, clock.monotonicMs());
    const removed = absence.remove.flatMap((key) => this.#store.rows.get(key) ?? []);
    const changes = deletions(removed, clock.now());
    const accepted = this.#acceptedRows(verdicts);
    const changed = [...accepted, ...removed].map((row) => keyOf(row.object));
    this.#write([...accepted, ...changes.put], changes.remove, changed);
    this.#snapshot = snapshot;
    this.#absence = absence.memory;
    const reported = this.#store.setProblems(verdicts.refusals);
    this.#reports.setProblems(verdicts, snapshot);
    this.#reports.setHeld(absence.held.map(parseKey));
    this.#notify(changed, reported);
    if (absence.lookAgainMs !== undefined) {
      this.#pacer.later(absence.lookAgainMs);
    }
  }

  #acceptedRows(verdicts: Verdicts): readonly ObjectRow[] {
    const { newUID, clock } = this.#options;
    return verdicts.accepted.map(({ key, object, digest, origin }) => {
      const row = this.#store.rows.get(key);
      return row === undefined
        ? newRow(object, digest, origin, newUID(), clock.now())
        : nextRow(row, object, digest, origin);
    });
  }

  /** Holds everything that came from the folder: a folder that is not there says nothing about what is wanted. */
  #folderGone(): void {
    this.#snapshot = undefined;
    const absent: Absent[] = [...this.#store.rows].flatMap(([key, { object, origin }]) =>
      origin.via === "api" || object.metadata.deletionTimestamp !== undefined ? [] : [{ key, evidence: "gone" }],
    );
    const nowMs = this.#options.clock.monotonicMs();
    const { held, memory } = judgeAbsence(this.#store.rows, absent, this.#absence, nowMs, true);
    this.#absence = memory;
    this.#reports.setHeld(held.map(parseKey));
  }

  #remove(rows: readonly ObjectRow[]): void {
    const { put, remove } = deletions(rows, this.#options.clock.now());
    const keys = rows.map((row) => keyOf(row.object));
    this.#write(put, remove, keys);
    this.#notify(keys);
  }

  /** Writes; where that fails, `keys` are told of all the same, since a Grant that must end is seen to whatever the disk says. */
  #write(put: readonly ObjectRow[], remove: readonly ObjectKey[], keys: readonly ObjectKey[]): void {
    try {
      this.#store.write(put, remove);
    } catch (thrown) {
      this.#notify(keys);
      throw thrown;
    }
  }

  #notify(keys: readonly ObjectKey[], more: readonly ObjectKey[] = []): void {
    if (this.#isStarted) {
      const distinct = new Map([...keys, ...more].map((key) => [formatKey(key), key]));
      this.#store.notify(distinct.values());
    }
  }

  #validated(object: AnyObject, old?: AnyObject): { readonly valid: AnyObject; readonly digest: string } {
    const { status: _, ...wish } = object;
    const { namespace } = this.#options;
    const { object: valid, problems } = validateObject(wish, { namespace, ...(old === undefined ? {} : { old }) });
    if (valid === undefined) {
      throw invalidObject(problems);
    }
    return { valid, digest: specDigest(valid) };
  }

  #madeByApi(key: ObjectKey): ObjectRow {
    const row = this.#store.rows.get(formatKey(key));
    const stored = this.#store.get(key);
    if (row === undefined || stored === undefined) {
      throw noSuchObject(key);
    }
    if (row.origin.via !== "api") {
      throw inFile(key, stored);
    }
    return row;
  }

  #rowOf(object: AnyObject): ObjectRow | undefined {
    const row = this.#store.rows.get(formatKey(keyOf(object)));
    return row?.object.metadata.uid === object.metadata.uid ? row : undefined;
  }

  get #store(): ObjectStore {
    return this.#opened.store;
  }

  get #opened(): Open {
    if (this.#open === undefined) {
      throw new Error("the source is not started, or closed");
    }
    return this.#open;
  }
}

/** Whether a scan failed because of the folder, and not because of the state that its result must be written to. */
function isAboutFolder(failure: Error): boolean {
  return [FolderUnreadable, FolderTooLarge, FolderUnsteady].some((kind) => failure instanceof kind);
}
