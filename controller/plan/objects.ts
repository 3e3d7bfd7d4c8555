import { createHash } from "node:crypto";
import { formatKey, keyOf, type AnyObject, type Kind, type ObjectKey } from "#kinds/index.ts";
import { specDigest } from "#kinds/digest.ts";
import type { EpochMs } from "#lib/clock.ts";
import { needsCleanUp } from "../source/clean-up.ts";
import { deepFreeze } from "../source/freeze.ts";
import type { Source, Stored, Tombstone } from "../source/source.ts";
import { timestamp } from "../source/folder/rows.ts";

/** An object of a plan and where its text stands. */
export interface PlannedObject {
  readonly object: AnyObject;
  /** `file:line` for messages. */
  readonly origin: string;
}

/**
 * The objects of a plan, in memory: a source whose writes reach nothing but itself, so that the reconcilers can be run on it.
 * Only what reconcilers call is there.
 */
export type PlanSource = Pick<
  Source,
  "start" | "list" | "get" | "subscribe" | "writeStatus" | "forget" | "release" | "putTombstone" | "tombstone"
>;

/** The objects of a plan at one moment: those of the base at first, then those of the change. */
export class PlanObjects {
  readonly #stored = new Map<string, Stored>();
  readonly #tombstones: Tombstone[] = [];

  /** All keys, in the order in which they came. */
  keys(): ObjectKey[] {
    return [...this.#stored.values()].map(({ object }) => keyOf(object));
  }

  /** Whether the object's uid is made up for the plan: the real one, and so the grant ID, is not known before it is there. */
  hasInventedUID(key: ObjectKey): boolean {
    return this.get(key)?.metadata.uid === inventedUID(formatKey(key));
  }

  get(key: ObjectKey): AnyObject | undefined {
    return this.#stored.get(formatKey(key))?.object;
  }

  all(): AnyObject[] {
    return [...this.#stored.values()].map(({ object }) => object);
  }

  /** Adds an object, or gives a known one its new text; uid and status stay. What has a uid of its own keeps it. */
  put({ object, origin }: PlannedObject, now: EpochMs): void {
    const key = formatKey(keyOf(object));
    const known = this.#stored.get(key)?.object;
    const generation = known?.metadata.generation ?? 0;
    const isChanged = known === undefined || specDigest(known) !== specDigest(object);
    const metadata = {
      uid: known?.metadata.uid ?? inventedUID(key),
      creationTimestamp: known?.metadata.creationTimestamp ?? timestamp(now),
      ...object.metadata,
      generation: isChanged ? generation + 1 : generation,
    };
    const status = known?.status ?? object.status;
    this.#set({ ...object, metadata, ...(status === undefined ? {} : { status }) } as AnyObject, origin);
  }

  /** Marks as being deleted what has something to undo first; the others go at once. */
  remove(key: ObjectKey, now: EpochMs): void {
    const stored = this.#stored.get(formatKey(key));
    if (stored === undefined) {
      return;
    }
    const { object, origin } = stored;
    if (!needsCleanUp(object)) {
      this.#stored.delete(formatKey(key));
      return;
    }
    this.#set({ ...object, metadata: { ...object.metadata, deletionTimestamp: timestamp(now) } }, origin);
  }

  /** The source that reconcilers are given. */
  source(): Source {
    const missing = (): never => {
      throw new Error("a reconciler called what a plan does not have");
    };
    const source: PlanSource = {
      start: async () => {},
      list: (kind: Kind) => [...this.#stored.values()].filter(({ object }) => object.kind === kind) as never,
      get: (kind: Kind, namespace: string, name: string) =>
        this.#stored.get(formatKey({ kind, namespace, name })) as never,
      subscribe: () => () => {},
      writeStatus: async (object, change) => {
        const stored = this.#stored.get(formatKey(keyOf(object)));
        if (stored !== undefined && stored.object.metadata.uid === object.metadata.uid) {
          const status = change((stored.object.status ?? {}) as never);
          this.#set({ ...stored.object, status: JSON.parse(JSON.stringify(status)) as never }, stored.origin);
        }
      },
      forget: async (object) => {
        this.#stored.delete(formatKey(keyOf(object)));
      },
      release: async (object) => {
        this.#stored.delete(formatKey(keyOf(object)));
      },
      putTombstone: async (tombstone) => {
        this.#tombstones.push(tombstone);
      },
      tombstone: (namespace, name, digest) =>
        this.#tombstones.find(
          (known) =>
            known.namespace === namespace &&
            known.name === name &&
            (digest === undefined || known.specDigest === digest),
        ),
    };
    return new Proxy(source, { get: (known, name) => Reflect.get(known, name) ?? missing }) as Source;
  }

  #set(object: AnyObject, origin: string): void {
    this.#stored.set(formatKey(keyOf(object)), { object: deepFreeze(structuredClone(object)), origin, problems: [] });
  }
}

/** A uid for an object that has none yet: the same for the same key, so that a plan reads the same each time. */
function inventedUID(key: string): string {
  const hex = createHash("sha256").update(key).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
