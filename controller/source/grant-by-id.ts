import type { Grant, ObjectKey } from "#kinds/index.ts";
import { keyOf } from "#kinds/index.ts";
import { grantIDOf } from "#lib/grant-id.ts";
import type { Source } from "./source.ts";

/** The Grant's ID: what its status says, or, before its first look, what that is going to say. Undefined: it has no uid yet. */
export function idOf({ metadata, status }: Grant): string | undefined {
  return status?.grantID ?? (metadata.uid === undefined ? undefined : grantIDOf(metadata.uid));
}

/** Where Grants were by their IDs, for each source; every answer is checked against the source, so it may be out of date. */
const known = new WeakMap<object, ReadonlyMap<string, ObjectKey>>();

/**
 * The Grant of that ID, whatever its namespace. Costs the same however many there are, but for the first search after a Grant has
 * come, and for IDs that no Grant has: these look at all of them.
 */
export function findGrant(source: Pick<Source, "list" | "get">, grantID: string): Grant | undefined {
  const found = at(source, known.get(source)?.get(grantID), grantID);
  if (found !== undefined) {
    return found;
  }
  const places = new Map(
    source.list("Grant").flatMap(({ object }) => {
      const id = idOf(object);
      return id === undefined ? [] : [[id, keyOf(object)] as const];
    }),
  );
  known.set(source, places);
  return at(source, places.get(grantID), grantID);
}

function at(source: Pick<Source, "get">, key: ObjectKey | undefined, grantID: string): Grant | undefined {
  const grant = key === undefined ? undefined : source.get("Grant", key.namespace, key.name)?.object;
  return grant !== undefined && idOf(grant) === grantID ? grant : undefined;
}
