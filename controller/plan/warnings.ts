import { formatKey, keyOf } from "#kinds/index.ts";
import { massCountMax, massShareMax } from "../source/absence.ts";
import type { PlannedObject } from "./objects.ts";

/** What a person should know before merging, other than the steps. */
export function warningsOf(base: readonly PlannedObject[], wanted: readonly PlannedObject[]): string[] {
  const kept = new Set(wanted.map(({ object }) => formatKey(keyOf(object))));
  const isHeld = (all: readonly PlannedObject[]): boolean => {
    const gone = all.filter(({ object }) => !kept.has(formatKey(keyOf(object)))).length;
    return gone > massCountMax && gone > massShareMax * all.length;
  };
  const grants = base.filter(({ object }) => object.kind === "Grant");
  return isHeld(base) || isHeld(grants)
    ? [
        "More than half is removed at once. A controller on a folder holds that until somebody confirms it: sallyport deletions confirm",
      ]
    : [];
}
