import { isDeepStrictEqual } from "node:util";
import type { AnyObject } from "#kinds/index.ts";
import { formatProblem, problemAt } from "#kinds/problem.ts";
import { validateObject } from "#kinds/validate.ts";
import type { ObjectRow, Origin } from "../../state/state.ts";
import type { Absent } from "../absence.ts";
import type { Entry, ManifestFile } from "./manifest.ts";
import { unknownName } from "./rows.ts";
import type { Snapshot } from "./snapshot.ts";

/** An object whose text is accepted: it is new, or differs from what the state has. */
interface Accepted {
  readonly key: string;
  readonly object: AnyObject;
  readonly digest: string;
  readonly origin: Origin;
}

/** What a snapshot means for the objects of the state. */
export interface Verdicts {
  readonly accepted: readonly Accepted[];
  readonly absent: readonly Absent[];
  /** Why the text of an object is not used, by key. */
  readonly refusals: ReadonlyMap<string, readonly string[]>;
  /** What is wrong with files, where it cannot be said which object it concerns. */
  readonly fileProblems: readonly string[];
}

/**
 * Compares a snapshot of the folder with the objects of the state. Nothing that cannot be read or is ambiguous changes or
 * removes anything: the last good version stays, wherever it came from, and everything else goes on.
 * @param rows objects by `Kind/namespace/name`
 */
export function decideScan(rows: ReadonlyMap<string, ObjectRow>, snapshot: Snapshot): Verdicts {
  const byKey = new Map<string, Placed[]>();
  for (const file of snapshot.files.values()) {
    for (const entry of file.entries) {
      byKey.set(entry.key, [...(byKey.get(entry.key) ?? []), { file, entry }]);
    }
  }
  const accepted: Accepted[] = [];
  const refusals = new Map<string, readonly string[]>();
  const replaced: Absent[] = [];
  for (const [key, places] of byKey) {
    const verdict = judge(key, places, rows.get(key), snapshot);
    if (verdict.replaced !== undefined) {
      replaced.push({ key, evidence: verdict.replaced });
    }
    if (verdict.refused !== undefined) {
      refusals.set(key, verdict.refused);
    } else if (verdict.accepted !== undefined) {
      accepted.push(verdict.accepted);
    }
  }
  const unseen = [...rows].filter(([key]) => !byKey.has(key));
  const absent = unseen.flatMap(([key, row]) => {
    const evidence = evidenceOfAbsence(row, snapshot);
    return evidence === undefined ? [] : [{ key, evidence }];
  });
  return {
    accepted,
    absent: [...absent, ...replaced],
    refusals,
    fileProblems: [...snapshot.files.values()].flatMap((file) => file.problems),
  };
}

interface Placed {
  readonly file: ManifestFile;
  readonly entry: Entry;
}

interface Verdict {
  /** Fingerprint of the file whose text is that of another object than the one of that name that AWS remembers. */
  readonly replaced?: string;
  readonly accepted?: Accepted;
  readonly refused?: readonly string[];
}

function judge(key: string, places: readonly Placed[], row: ObjectRow | undefined, snapshot: Snapshot): Verdict {
  const [first, ...others] = places;
  if (first === undefined) {
    return {};
  }
  if (others.length > 0) {
    return { refused: duplicates(key, places) };
  }
  const { entry, file } = first;
  if (entry.object === undefined) {
    return { refused: entry.problems };
  }
  const conflict = row === undefined ? undefined : conflictWith(row, file, snapshot);
  if (conflict !== undefined) {
    const message = `must be unique: ${key} is already defined ${conflict}`;
    return { refused: [formatProblem(problemAt(entry.position, ["metadata", "name"], message))] };
  }
  // What is being deleted is gone for good: its text, should there be one again, makes a new object once it is released.
  return row?.object.metadata.deletionTimestamp === undefined ? accept(entry, file, entry.object, row) : {};
}

function accept(entry: Entry, file: ManifestFile, object: AnyObject, row: ObjectRow | undefined): Verdict {
  const origin: Origin = { via: "file", file: file.path, line: entry.position.line };
  const accepted = { key: entry.key, object, digest: entry.digest, origin };
  if (row === undefined) {
    return { accepted };
  }
  // A recovered object has only a stand-in of a spec, which the rules for changes cannot be compared with.
  if (row.origin.via === "recovered") {
    return isSameRequest(row.object, object) ? { accepted } : { replaced: file.fingerprint };
  }
  if (row.digest !== accepted.digest) {
    const { problems } = validateObject(object, { old: row.object, position: entry.position });
    return problems === undefined ? { accepted } : { refused: problems.map(formatProblem) };
  }
  const isSame =
    isDeepStrictEqual(origin, row.origin) && isDeepStrictEqual(writtenMetadata(object), writtenMetadata(row.object));
  return isSame ? {} : { accepted };
}

/**
 * Whether the text asks for what AWS remembers was given: to the same person, the same database and role. If not, what was
 * given is wanted no more; it must not go on under another one's name.
 */
function isSameRequest(recovered: AnyObject, text: AnyObject): boolean {
  if (recovered.kind !== "Grant" || text.kind !== "Grant") {
    return true;
  }
  const given = recovered.spec;
  // The identity store compares names without case. What the tags did not tell is no evidence.
  const isSame = (a: string, b: string): boolean => a === unknownName || a.toLowerCase() === b.toLowerCase();
  return (
    isSame(given.principal.name, text.spec.principal.name) &&
    isSame(given.databaseRef.name, text.spec.databaseRef.name) &&
    isSame(given.roleName, text.spec.roleName)
  );
}

/** The metadata that a person writes, for comparison. */
function writtenMetadata({ metadata: { labels = {}, annotations = {} } }: AnyObject): object {
  return { labels, annotations };
}

function duplicates(key: string, places: readonly Placed[]): readonly string[] {
  return places.map(({ entry: { position } }) => {
    const others = places.filter((place) => place.entry.position !== position);
    const at = others.map(({ entry }) => `${entry.position.file}:${entry.position.line}`).join(" and ");
    return formatProblem(problemAt(position, ["metadata", "name"], `must be unique: ${key} is also defined at ${at}`));
  });
}

/** Where else the object is defined, or may be for all that can be known. */
function conflictWith({ origin }: ObjectRow, file: ManifestFile, snapshot: Snapshot): string | undefined {
  switch (origin.via) {
    case "api":
      return "through the control API";
    case "recovered":
      return undefined;
    case "file":
      return origin.file !== file.path && isUnclear(origin.file, snapshot)
        ? `in ${origin.file}, which cannot be fully read now`
        : undefined;
    default:
      return undefined;
  }
}

function evidenceOfAbsence({ object, origin }: ObjectRow, snapshot: Snapshot): string | undefined {
  if (object.metadata.deletionTimestamp !== undefined || origin.via === "api") {
    return undefined;
  }
  if (origin.via === "recovered") {
    const isAnyUnclear = [...snapshot.files.values()].some((file) => file.problems.length > 0);
    return isAnyUnclear ? undefined : "gone";
  }
  return isUnclear(origin.file, snapshot) ? undefined : (snapshot.files.get(origin.file)?.fingerprint ?? "gone");
}

/** Whether a file, or a directory above it, has parts of which it cannot be said what they are. */
function isUnclear(path: string, snapshot: Snapshot): boolean {
  const file = snapshot.files.get(path);
  return (
    (file !== undefined && file.problems.length > 0) ||
    snapshot.unreadable.some((unreadable) => path === unreadable || path.startsWith(`${unreadable}/`))
  );
}
