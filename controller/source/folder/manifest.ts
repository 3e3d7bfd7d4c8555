import { formatKey, isKind, keyOf, type AnyObject } from "#kinds/index.ts";
import { specDigest } from "#kinds/digest.ts";
import { manifestBytesMax, parseManifests } from "#kinds/parse.ts";
import { formatProblem, problemAt, type Position, type Problem } from "#kinds/problem.ts";
import { validateObject } from "#kinds/validate.ts";
import { keepPlaces } from "./places.ts";

/** One object of a file whose key could be read, be it legal or not. */
export interface Entry {
  /** `Kind/namespace/name`. */
  readonly key: string;
  readonly position: Position;
  /** Legal by itself; whether it may follow the version before it is decided later. Absent where it was refused. */
  readonly object?: AnyObject;
  /** `specDigest` of the object; empty where it was refused. */
  readonly digest: string;
  /** Why it was refused; what to know about it otherwise. */
  readonly problems: readonly string[];
}

/** A manifest file of the folder as last read. */
export interface ManifestFile {
  /** Relative to the folder. */
  readonly path: string;
  /** Changes when the file does. */
  readonly fingerprint: string;
  readonly entries: readonly Entry[];
  /**
   * What is wrong with parts of the file of which it cannot be said which object they are. While there is something, an object
   * that was in the file and is not found in it may be in those parts: it is not deleted.
   */
  readonly problems: readonly string[];
}

/** Parses a file of the folder and validates what is in it. Never throws. */
export function readManifest(path: string, fingerprint: string, bytes: Uint8Array, namespace: string): ManifestFile {
  const { documents, problems } = parseManifests(bytes, path);
  const entries: Entry[] = [];
  const unclear = problems.map(formatProblem);
  for (const { object: value, position } of documents) {
    const { object, problems: refusals = [] } = validateObject(value, { position, namespace });
    const all = [...refusals, ...statusProblems(value, position)];
    const key = object === undefined ? keyIn(value, namespace) : formatKey(keyOf(object));
    const texts = all.map(formatProblem);
    if (key === undefined) {
      unclear.push(...texts);
    } else {
      const kept = keepPlaces(position, value);
      const isLegal = object !== undefined && all.length === 0;
      entries.push({
        key,
        position: kept,
        problems: texts,
        ...(isLegal ? { object, digest: specDigest(object) } : { digest: "" }),
      });
    }
  }
  return { path, fingerprint, entries, problems: unclear };
}

/** A file that cannot be read stands for everything that was known of it. */
export function unreadManifest(path: string, why: string): ManifestFile {
  return { path, fingerprint: `unread:${why}`, entries: [], problems: [`${path}: cannot be read: ${why}`] };
}

/** A file that is too large to be read at all. */
export function oversizeManifest(path: string, size: number): ManifestFile {
  return unreadManifest(path, `it must be at most ${manifestBytesMax} bytes, found ${size}; split the file`);
}

/** Status is a report, never a wish: a file that carries one was copied from a cluster, and its status would be a lie. */
function statusProblems(value: unknown, position: Position): readonly Problem[] {
  const hasStatus = typeof value === "object" && value !== null && "status" in value;
  const message = "must not be in a file: status is written by the controller only; remove it";
  return hasStatus ? [problemAt(position, ["status"], message, { part: "key" })] : [];
}

/** The key of an object that was refused, where kind, namespace and name can be told all the same. */
function keyIn(value: unknown, namespace: string): string | undefined {
  const { kind, metadata } = value as { readonly kind?: unknown; readonly metadata?: unknown };
  if (!isKind(kind) || typeof metadata !== "object" || metadata === null) {
    return undefined;
  }
  const { name, namespace: own = namespace } = metadata as { readonly name?: unknown; readonly namespace?: unknown };
  const isPlain = typeof name === "string" && typeof own === "string" && /^[a-z0-9.-]+$/.test(name) && own !== "";
  return isPlain && !own.includes("/") ? formatKey({ kind, namespace: own, name }) : undefined;
}
