import type { AnyObject } from "#kinds/index.ts";

/**
 * How long, in milliseconds, an object must be missing, with nothing changing where it used to be, before it counts as
 * deleted. Editors and git replace a file by removing it first; a deleted Grant never comes back, so a moment's absence
 * must not be one. Revoking by deletion is later by this much.
 */
export const settleMs = 1_000;

/** A disappearance of up to this many objects is never held: deleting two grants by hand is daily work. */
export const massCountMax = 2;

/** A disappearance of up to this share of the objects is not held. More than half at once is an unmounted volume or a wrong branch. */
export const massShareMax = 0.5;

/** Disappearances within this time, in milliseconds, count together: removing a tree takes several scans to see. */
export const massWindowMs = 60_000;

/** An object that may go missing. */
export interface AbsenceRow {
  readonly object: AnyObject;
  /** What was made through the control API in a folder's state cannot go missing from the folder. */
  readonly origin: { readonly via: string };
}

/** An object that is not where it was. */
export interface Absent {
  readonly key: string;
  /** What was seen where it used to be: the fingerprint of its file, or `gone`. Another one means that it is being edited. */
  readonly evidence: string;
}

/** What is remembered between scans. */
export interface AbsenceMemory {
  /** Since when an object is missing (monotonic), and what was seen in its place. */
  readonly missing: ReadonlyMap<string, { readonly sinceMs: number; readonly evidence: string }>;
  /** Deletions that went through, for counting them together. */
  readonly recent: readonly { readonly atMs: number; readonly isGrant: boolean }[];
}

/** Nothing missing, nothing deleted. */
export const noAbsence: AbsenceMemory = { missing: new Map(), recent: [] };

/** What to do about missing objects. */
export interface AbsenceVerdict {
  /** Keys whose objects are deleted now. */
  readonly remove: readonly string[];
  /** Keys that stay because too many are missing; empty where nothing is held. */
  readonly held: readonly string[];
  readonly memory: AbsenceMemory;
  /** When to look again though nothing changed, in milliseconds from now. */
  readonly lookAgainMs?: number;
}

/**
 * Decides which missing objects are deleted, which wait for a moment, and whether there are so many that a person must
 * confirm. Grants that have ended do not count: removing them takes nothing away.
 * @param isFolderGone the folder itself is missing or unreadable: everything is held, however little it is
 * @param nowMs monotonic
 */
export function judgeAbsence(
  rows: ReadonlyMap<string, AbsenceRow>,
  absent: readonly Absent[],
  memory: AbsenceMemory,
  nowMs: number,
  isFolderGone = false,
): AbsenceVerdict {
  const recent = memory.recent.filter(({ atMs }) => nowMs - atMs < massWindowMs);
  const missing = new Map(
    absent.map(({ key, evidence }) => {
      const before = memory.missing.get(key);
      const sinceMs = before?.evidence === evidence ? before.sinceMs : nowMs;
      return [key, { sinceMs, evidence }] as const;
    }),
  );
  const keys = absent.map(({ key }) => key);
  if (keys.length > 0 && (isFolderGone || isMass(rows, keys, recent))) {
    return { remove: [], held: keys, memory: { missing, recent } };
  }
  const remove = keys.filter((key) => nowMs - (missing.get(key)?.sinceMs ?? nowMs) >= settleMs);
  const removed = new Set(remove);
  const waits = keys.flatMap((key) => (removed.has(key) ? [] : [(missing.get(key)?.sinceMs ?? nowMs) + settleMs]));
  const counted = remove.flatMap((key) => countable(rows.get(key)));
  for (const key of remove) {
    missing.delete(key);
  }
  return {
    remove,
    held: [],
    memory: { missing, recent: [...recent, ...counted.map(({ isGrant }) => ({ atMs: nowMs, isGrant }))] },
    ...(waits.length === 0 ? {} : { lookAgainMs: Math.min(...waits) - nowMs }),
  };
}

function isMass(rows: ReadonlyMap<string, AbsenceRow>, keys: readonly string[], recent: AbsenceMemory["recent"]) {
  const all = [...rows.values()].filter(isRemovable).flatMap(countable);
  const gone = [...keys.flatMap((key) => countable(rows.get(key))), ...recent];
  const exceeds = (goneCount: number, liveCount: number, recentCount: number): boolean =>
    goneCount > massCountMax && goneCount > massShareMax * (liveCount + recentCount);
  const grants = (list: readonly { readonly isGrant: boolean }[]) => list.filter(({ isGrant }) => isGrant).length;
  return exceeds(gone.length, all.length, recent.length) || exceeds(grants(gone), grants(all), grants(recent));
}

function isRemovable({ origin, object }: AbsenceRow): boolean {
  return origin.via !== "api" && object.metadata.deletionTimestamp === undefined;
}

function countable(row: AbsenceRow | undefined): readonly { readonly isGrant: boolean }[] {
  if (row === undefined) {
    return [];
  }
  const { object } = row;
  const hasEnded = object.kind === "Grant" && object.status?.endTime !== undefined;
  return hasEnded ? [] : [{ isGrant: object.kind === "Grant" }];
}
