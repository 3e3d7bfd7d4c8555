import type { Clock } from "#lib/clock.ts";
import type { State, TombstoneRow } from "../../state/state.ts";

/** Tombstones in memory, written through to the state. A name may have several, one per spec that ended under it. */
export class Tombstones {
  readonly #state: State;
  readonly #clock: Clock;
  readonly #byName = new Map<string, readonly TombstoneRow[]>();

  /** Takes over what the state has. */
  constructor(state: State, clock: Clock, rows: readonly TombstoneRow[]) {
    this.#state = state;
    this.#clock = clock;
    for (const row of rows) {
      this.#keep(row);
    }
  }

  /** On the disk when it returns. Replaces the one that has the same name and digest; drops those whose time is over. */
  put(row: TombstoneRow): void {
    this.#state.putTombstone(row);
    this.#keep(row);
    for (const old of [...this.#byName.values()].flat().filter((tombstone) => !this.#stands(tombstone))) {
      this.#state.dropTombstone(old);
      this.#forget(old);
    }
  }

  /** The tombstone of that spec, or the one that stands longest where no digest is given. */
  find(namespace: string, name: string, specDigest?: string): TombstoneRow | undefined {
    const standing = (this.#byName.get(nameOf({ namespace, name })) ?? []).filter((row) => this.#stands(row));
    const matching = standing.filter((row) => specDigest === undefined || row.specDigest === specDigest);
    return matching.sort((a, b) => Date.parse(b.notAfterTime) - Date.parse(a.notAfterTime))[0];
  }

  #stands(row: TombstoneRow): boolean {
    return Date.parse(row.notAfterTime) > this.#clock.now();
  }

  #keep(row: TombstoneRow): void {
    this.#forget(row);
    const name = nameOf(row);
    this.#byName.set(name, [...(this.#byName.get(name) ?? []), Object.freeze({ ...row })]);
  }

  #forget(row: TombstoneRow): void {
    const name = nameOf(row);
    const rest = (this.#byName.get(name) ?? []).filter((other) => other.specDigest !== row.specDigest);
    if (rest.length === 0) {
      this.#byName.delete(name);
    } else {
      this.#byName.set(name, rest);
    }
  }
}

function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
