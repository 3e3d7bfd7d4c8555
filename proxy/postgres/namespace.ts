import { nameKey } from "./name-changes.ts";

/** When the client asks for a change. */
export interface Asking {
  /** Number of Syncs before it: what the server skips after an error, it skips up to a Sync. */
  readonly stretch: number;
  /** Number of changes before it. */
  readonly at: number;
}

interface Change<T> extends Asking {
  /** Undefined: the name is taken away. */
  readonly value: T | undefined;
}

interface Entry<T> {
  /** What the server has confirmed. */
  settled: T | undefined;
  /** What it was asked for since, oldest first: it makes each of them or skips it. */
  readonly asked: Change<T>[];
}

/** Takes a change back that the server did not make. */
export type Undo = () => void;

/**
 * One kind of names of a session: what each means to the server, as far as its answers tell, and what it is about to mean if no
 * error comes in between.
 */
export class Namespace<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #size: (value: T) => number;
  readonly #grow: (bytes: number) => void;

  /** `grow` hears how many bytes more (or less) are held; it may throw. */
  constructor(size: (value: T) => number, grow: (bytes: number) => void) {
    this.#size = size;
    this.#grow = grow;
  }

  /** Whether a name means anything, or is about to. */
  has(name: string): boolean {
    return this.#entries.size > 0 && this.#entries.has(nameKey(name));
  }

  /** What a name means if the server does what it was asked for. */
  get(name: string): T | undefined {
    const entry = this.#entries.get(nameKey(name));
    const last = entry?.asked.at(-1);
    return last === undefined ? entry?.settled : last.value;
  }

  /** Everything that names mean or may mean. */
  *values(): Generator<readonly [string, T]> {
    for (const [name, { settled, asked }] of this.#entries) {
      for (const value of [settled, ...asked.map((change) => change.value)]) {
        if (value !== undefined) {
          yield [name, value];
        }
      }
    }
  }

  /** The client asks for a change. The server confirms or skips each, in order. */
  ask(name: string, value: T | undefined, asking: Asking): Undo {
    const key = nameKey(name);
    this.#grow(value === undefined ? 0 : this.#size(value));
    const entry = this.#entries.get(key) ?? { settled: undefined, asked: [] };
    const change = { ...asking, value };
    entry.asked.push(change);
    this.#entries.set(key, entry);
    return () => {
      const index = entry.asked.indexOf(change);
      if (index >= 0) {
        entry.asked.splice(index, 1);
        this.#drop(key, entry, value);
      }
    };
  }

  /** The server has made the oldest change that was asked for. */
  confirm(name: string): void {
    const entry = this.#entries.get(nameKey(name));
    const change = entry?.asked.shift();
    if (entry !== undefined && change !== undefined) {
      const before = entry.settled;
      entry.settled = change.value;
      this.#drop(nameKey(name), entry, before);
    }
  }

  /** The server has made a change of its own accord, or at the word of SQL. What is asked for comes after it. */
  settle(name: string, value: T | undefined): void {
    const key = nameKey(name);
    this.#grow(value === undefined ? 0 : this.#size(value));
    const entry = this.#entries.get(key) ?? { settled: undefined, asked: [] };
    const before = entry.settled;
    entry.settled = value;
    this.#entries.set(key, entry);
    this.#drop(key, entry, before);
  }

  /** The same for all names but those that `keeps` says. */
  settleAll(keeps: (name: string) => boolean = () => false): void {
    if (this.#entries.size === 0) {
      return;
    }
    for (const name of [...this.#entries.keys()].filter((key) => !keeps(key))) {
      this.settle(name, undefined);
    }
  }

  /**
   * Whether the next message of this stretch may find another value than `get` gives. A change of the same stretch is skipped only
   * together with that message; one of an earlier stretch may be skipped alone. `doubtedAt`: when SQL that still runs may last have
   * changed the name; 0 for never.
   */
  isOpen(name: string, stretch: number, doubtedAt: number): boolean {
    const last = this.#entries.get(nameKey(name))?.asked.at(-1);
    return last === undefined ? doubtedAt > 0 : last.stretch !== stretch || doubtedAt > last.at;
  }

  #drop(key: string, entry: Entry<T>, value: T | undefined): void {
    this.#grow(value === undefined ? 0 : -this.#size(value));
    if (entry.settled === undefined && entry.asked.length === 0) {
      this.#entries.delete(key);
    }
  }
}
