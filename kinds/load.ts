import type { AnyObject } from "./generated/schemas.ts";
import { formatKey, keyOf, type ObjectKey } from "./key.ts";
import { parseManifests } from "./parse.ts";
import { problemAt, type Position, type Problem } from "./problem.ts";
import { validateObject } from "./validate.ts";

/** A valid object and where it stands. */
export interface PlacedObject {
  readonly object: AnyObject;
  readonly position: Position;
}

/** The valid objects of a file, and the problems of it all. */
export interface LoadedFile {
  readonly objects: readonly PlacedObject[];
  readonly problems: readonly Problem[];
}

/** What is known besides the file. */
export interface LoadOptions {
  /** The object as last accepted, for transition rules. */
  readonly oldOf?: (key: ObjectKey) => AnyObject | undefined;
  /** Namespace of objects that name none; absent means `default`. */
  readonly namespace?: string;
}

/**
 * Parses and validates one file. Objects that are valid are given even where others of the file are not; whether to use
 * them is the caller's choice. Never throws.
 */
export function loadManifests(source: string | Uint8Array, file: string, options: LoadOptions = {}): LoadedFile {
  const { documents, problems } = parseManifests(source, file);
  const objects: PlacedObject[] = [];
  const all: Problem[] = [...problems];
  const namespace = options.namespace === undefined ? {} : { namespace: options.namespace };
  for (const { object: value, position } of documents) {
    const first = validateObject(value, { position, ...namespace });
    const old = first.object === undefined ? undefined : options.oldOf?.(keyOf(first.object));
    const verdict = old === undefined ? first : validateObject(value, { position, old, ...namespace });
    if (verdict.object === undefined) {
      all.push(...verdict.problems);
      continue;
    }
    objects.push({ object: verdict.object, position });
    if (verdict.object.status !== undefined) {
      const message = "is written by the controller; what a file says about it is ignored";
      all.push(problemAt(position, ["status"], message, { part: "key", severity: "warning" }));
    }
  }
  return { objects, problems: all.sort((a, b) => a.line - b.line || a.column - b.column) };
}

/** Objects that stand in more than one place, be it one file or several: a problem for each but the first. */
export function findDuplicates(placed: readonly PlacedObject[]): readonly Problem[] {
  const seen = new Map<string, Position>();
  return placed.flatMap(({ object, position }) => {
    const key = formatKey(keyOf(object));
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, position);
      return [];
    }
    const place = first.line === 0 ? "elsewhere" : `at ${first.file}:${first.line}`;
    return [problemAt(position, ["metadata", "name"], `must be unique: ${key} is already defined ${place}`)];
  });
}
