import { nameKey } from "./name-changes.ts";

/** Takes a change of names back, when the server did not make it. */
export interface Undo {
  (): void;
  /** What it keeps in memory for that. */
  readonly bytes: number;
}

/** One kind of names of a session, as the client's messages leave it and the server's answers confirm it. */
export class Namespace<T> {
  readonly #values = new Map<string, T>();
  readonly #size: (value: T) => number;
  readonly #grow: (bytes: number) => void;
  /** Names with changes that the server has not confirmed and that are not their first: how many, and in which stretch the last. */
  readonly #pending = new Map<string, { count: number; stretch: number }>();

  /** `grow` hears how many bytes more (or less) are held; it may throw. */
  constructor(size: (value: T) => number, grow: (bytes: number) => void) {
    this.#size = size;
    this.#grow = grow;
  }

  get(name: string): T | undefined {
    return this.#values.get(nameKey(name));
  }

  entries(): readonly (readonly [string, T])[] {
    return [...this.#values];
  }

  /** A change that the server has made. */
  put(name: string, value: T | undefined): void {
    const key = nameKey(name);
    const before = this.#values.get(key);
    this.#grow((value === undefined ? 0 : this.#size(value)) - (before === undefined ? 0 : this.#size(before)));
    if (value === undefined) {
      this.#values.delete(key);
    } else {
      this.#values.set(key, value);
    }
  }

  /** A change that the client asks for in a `stretch` (from one Sync to the next). Confirmed or undone later, in order. */
  ask(name: string, value: T | undefined, stretch: number, isKept = true): Undo {
    const key = nameKey(name);
    const before = this.#values.get(key);
    const pending = this.#pending.get(key);
    if (before !== undefined || pending !== undefined) {
      this.#pending.set(key, { count: (pending?.count ?? 0) + 1, stretch });
    }
    this.put(key, value);
    const undo = (): void => {
      this.confirm(key);
      this.put(key, isKept ? before : undefined);
    };
    return Object.assign(undo, { bytes: before === undefined || !isKept ? 0 : this.#size(before) });
  }

  /** The server has made the oldest change that was asked for. */
  confirm(name: string): void {
    const key = nameKey(name);
    const pending = this.#pending.get(key);
    if (pending !== undefined) {
      pending.count -= 1;
      if (pending.count === 0) {
        this.#pending.delete(key);
      }
    }
  }

  /**
   * Whether a message of this stretch may find another value than `get` gives: an earlier stretch changes it, and the server may
   * yet skip that change. A change of the same stretch is skipped only together with the message.
   */
  isOpen(name: string, stretch: number): boolean {
    const pending = this.#pending.get(nameKey(name));
    return pending !== undefined && pending.stretch < stretch;
  }
}
