import { formatKey, type ObjectKey } from "#kinds/index.ts";
import type { Position } from "#kinds/problem.ts";
import type { Snapshot } from "./snapshot.ts";

const indexes = new WeakMap<Snapshot, ReadonlyMap<string, Position>>();

/** Where a snapshot has an object of that name. A snapshot is looked through once: thousands of Grants may be released one by one. */
export function placeIn(snapshot: Snapshot | undefined, key: ObjectKey): Position | undefined {
  if (snapshot === undefined) {
    return undefined;
  }
  const index = indexes.get(snapshot) ?? indexOf(snapshot);
  indexes.set(snapshot, index);
  return index.get(formatKey(key));
}

function indexOf({ files }: Snapshot): ReadonlyMap<string, Position> {
  const entries = [...files.values()].flatMap((file) => file.entries);
  return new Map(entries.map(({ key, position }) => [key, position]));
}
