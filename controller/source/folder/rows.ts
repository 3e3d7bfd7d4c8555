import type { EpochMs } from "#lib/clock.ts";
import { apiVersion, keyOf, type AnyObject, type Grant, type ObjectKey } from "#kinds/index.ts";
import { specDigest } from "#kinds/digest.ts";
import type { ObjectRow, Origin } from "../../state/state.ts";
import { needsCleanUp } from "../clean-up.ts";
import type { Recovered } from "../source.ts";

/** Name of a Database, role or person that a recovered Grant's tags do not tell; no object has it, since it is no legal name. */
export const unknownName = "(unknown)";

/** Longest duration that a Grant may ask for, in seconds (crds/grant.yaml): the window of a recovered Grant is in its status. */
const durationSecondsMax = 604_800;

/** An instant as Kubernetes writes it: RFC 3339, whole seconds. */
export function timestamp(now: EpochMs): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`;
}

/** The row of a validated object seen for the first time. Only what a person writes is taken from its metadata. */
export function newRow(object: AnyObject, digest: string, origin: Origin, uid: string, now: EpochMs): ObjectRow {
  const { apiVersion, kind, spec } = object;
  const own = { uid, generation: 1, creationTimestamp: timestamp(now) };
  return { object: { apiVersion, kind, metadata: { ...written(object), ...own }, spec } as never, digest, origin };
}

/** The row of an object that has a new text: same identity, same status; the generation rises with the spec. */
export function nextRow(row: ObjectRow, object: AnyObject, digest: string, origin: Origin): ObjectRow {
  const { uid, generation, creationTimestamp, deletionTimestamp } = row.object.metadata;
  const isFirst = row.origin.via === "recovered";
  const metadata = {
    ...written(object),
    uid,
    generation: digest === row.digest || isFirst ? generation : generation + 1,
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  };
  return { object: { ...row.object, metadata, spec: object.spec } as never, digest, origin };
}

/** The row with another status; undefined removes it. */
export function withStatus(row: ObjectRow, status: unknown): ObjectRow {
  const { status: _, ...rest } = row.object;
  return { ...row, object: (status === undefined ? rest : { ...rest, status }) as ObjectRow["object"] };
}

/** The row of an object that is being deleted since `now`. */
function deletedRow(row: ObjectRow, now: EpochMs): ObjectRow {
  const metadata = { ...row.object.metadata, deletionTimestamp: timestamp(now) };
  return { ...row, object: { ...row.object, metadata } };
}

/**
 * The row of a Grant that AWS remembers. Its status is real; its spec is a stand-in that neither asks for more than was given
 * nor for less, so that a live grant whose text cannot be read just now goes on to its expiry.
 */
export function recoveredRow({ key, uid, status, spec = {} }: Recovered, now: EpochMs): ObjectRow {
  const { expiryTime = timestamp(now), extensionCount, principal, target } = status;
  const object: Grant = {
    apiVersion,
    kind: "Grant",
    metadata: { name: key.name, namespace: key.namespace, uid, generation: 1, creationTimestamp: timestamp(now) },
    spec: {
      principal: { name: principal?.userName ?? unknownName },
      databaseRef: { name: unknownName },
      roleName: target?.roleName ?? unknownName,
      durationSeconds: durationSecondsMax,
      ...(extensionCount === undefined ? {} : { extensionCount }),
      notAfterTime: expiryTime,
      ...spec,
    },
    status,
  };
  return { object: object as ObjectRow["object"], digest: specDigest(object), origin: { via: "recovered" } };
}

function written({ metadata: { name, namespace, labels, annotations } }: AnyObject) {
  return {
    name,
    namespace,
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** How rows are deleted: what must be undone first stays, marked, until it is released. */
export function deletions(
  rows: readonly ObjectRow[],
  now: EpochMs,
): { readonly put: readonly ObjectRow[]; readonly remove: readonly ObjectKey[] } {
  const live = rows.filter(({ object }) => object.metadata.deletionTimestamp === undefined);
  return {
    put: live.filter(({ object }) => needsCleanUp(object)).map((row) => deletedRow(row, now)),
    remove: live.filter(({ object }) => !needsCleanUp(object)).map(({ object }) => keyOf(object)),
  };
}
