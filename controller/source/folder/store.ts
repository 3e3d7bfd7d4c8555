import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import { formatKey, keyOf, kinds, type AnyObject, type Kind, type ObjectKey } from "#kinds/index.ts";
import type { ObjectRow, Origin, State } from "../../state/state.ts";
import { deepFreeze } from "../freeze.ts";
import type { Stored } from "../source.ts";

const noProblems: readonly string[] = Object.freeze([]);

/** The objects of the state in memory: what readers see, written to the disk before they see it. */
export class ObjectStore {
  readonly #state: State;
  readonly #log: Log;
  readonly #rows = new Map<string, ObjectRow>();
  readonly #stored = new Map<Kind, Map<string, Stored>>(kinds.map((kind) => [kind, new Map<string, Stored>()]));
  readonly #subscribers = new Set<(key: ObjectKey) => void>();
  /** Rows that are in memory but could not be written yet, by key. */
  readonly #owed = new Map<string, ObjectRow>();
  #problems: ReadonlyMap<string, readonly string[]> = new Map();

  /** An empty store before `load`. */
  constructor(state: State, log: Log) {
    this.#state = state;
    this.#log = log;
  }

  /** Takes over the rows of the state. */
  load(rows: readonly ObjectRow[]): void {
    for (const row of rows) {
      this.#keep(row);
    }
  }

  /** All rows by `Kind/namespace/name`. */
  get rows(): ReadonlyMap<string, ObjectRow> {
    return this.#rows;
  }

  get(key: ObjectKey): Stored | undefined {
    return this.#stored.get(key.kind)?.get(formatKey(key));
  }

  list(kind: Kind): readonly Stored[] {
    return [...(this.#stored.get(kind)?.values() ?? [])];
  }

  /** Calls back with the key of what changes, after it is durable. */
  subscribe(onChange: (key: ObjectKey) => void): () => void {
    // A function of its own for each call, so that the same callback may subscribe twice.
    const subscriber = (key: ObjectKey): void => onChange(key);
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  /**
   * Writes rows and removals together; on the disk, and then visible, when it returns. Tells nobody. Where the disk refuses
   * (full, broken) it throws, and nothing has changed but this: a Grant that must end is seen to, and is written with the
   * next write that works. Access must not go on because its end cannot be noted.
   */
  write(put: readonly ObjectRow[], remove: readonly ObjectKey[] = []): void {
    const newer = new Set([...put.map(({ object }) => formatKey(keyOf(object))), ...remove.map(formatKey)]);
    const owed = [...this.#owed].flatMap(([key, row]) => (newer.has(key) ? [] : [row]));
    if (put.length === 0 && remove.length === 0 && owed.length === 0) {
      return;
    }
    try {
      this.#state.write({ put: [...owed, ...put], remove });
    } catch (thrown) {
      for (const row of put.filter(mustEnd)) {
        this.#keep(row);
        this.#owed.set(formatKey(keyOf(row.object)), row);
      }
      throw thrown;
    }
    this.#owed.clear();
    for (const key of remove) {
      this.#rows.delete(formatKey(key));
      this.#stored.get(key.kind)?.delete(formatKey(key));
    }
    for (const row of put) {
      this.#keep(row);
    }
  }

  /** Replaces the problems of all objects. Answers the keys of the objects whose problems are others now. */
  setProblems(problems: ReadonlyMap<string, readonly string[]>): readonly ObjectKey[] {
    const before = this.#problems;
    this.#problems = problems;
    const changed: ObjectKey[] = [];
    for (const [text, row] of this.#rows) {
      if ((before.get(text) ?? []).join("\n") !== (problems.get(text) ?? []).join("\n")) {
        this.#keep(row);
        changed.push(keyOf(row.object));
      }
    }
    return changed;
  }

  /** Tells all subscribers. One that throws is logged and hinders nobody. */
  notify(keys: Iterable<ObjectKey>): void {
    for (const key of keys) {
      for (const subscriber of this.#subscribers) {
        try {
          subscriber(key);
        } catch (thrown) {
          this.#log.error("a subscriber failed", { key: formatKey(key), error: coerceError(thrown) });
        }
      }
    }
  }

  #keep(row: ObjectRow): void {
    const key = formatKey(keyOf(row.object));
    const object: AnyObject = deepFreeze(row.object);
    this.#rows.set(key, row);
    const stored = { object, origin: describeOrigin(row.origin), problems: this.#problems.get(key) ?? noProblems };
    this.#stored.get(object.kind)?.set(key, Object.freeze(stored));
  }
}

/** Whether the Grant's access must end by what its own text, deletion or status says. */
function mustEnd({ object }: ObjectRow): boolean {
  return (
    object.kind === "Grant" &&
    (object.metadata.deletionTimestamp !== undefined ||
      object.spec.revocation !== undefined ||
      object.status?.endRequest !== undefined ||
      object.status?.end !== undefined)
  );
}

function describeOrigin(origin: Origin): string {
  switch (origin.via) {
    case "file":
      return `${origin.file}:${origin.line}`;
    case "api":
      return "api";
    case "recovered":
      return "recovered from AWS";
    default:
      return origin satisfies never;
  }
}
