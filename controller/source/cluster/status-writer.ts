import { canonicalJson, keyOf, type AnyObject } from "#kinds/index.ts";
import { isKubeFailure } from "../../kube/failure.ts";
import { asStored } from "../../kube/json.ts";
import type { ResourceClient } from "../../kube/resource.ts";
import { needsCleanUp } from "../clean-up.ts";
import { cleanUpFinalizer, fieldManager, finalizer, flagsManager } from "./options.ts";
import { flagPart, leftovers, mainPart, type AnyStatus } from "./status-fields.ts";
import type { StatusChange } from "./view.ts";

/** Writes that lost against another writer and are made again from what the server has then. One after the other is bad luck, five are a fight. */
export const conflictsMax = 5;

/** A writer of one kind's objects. */
export interface ObjectWriter {
  readonly resource: ResourceClient<AnyObject>;
  /** Called with the server's answer to each write, before anything else happens. */
  readonly observe: (object: AnyObject) => void;
  /** Called with what was read because somebody else had written. */
  readonly learn: (object: AnyObject) => void;
}

/**
 * Writes what `change` makes of the newest status, as the field manager that says all that we say; with uid and resourceVersion
 * as a lock, so that where somebody else was first it is read again and `change` runs again. Answers the object as written;
 * undefined where it is gone or another one by now.
 */
export async function writeStatus(
  writer: ObjectWriter,
  known: AnyObject,
  change: StatusChange,
): Promise<AnyObject | undefined> {
  let live = known;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await writeOnce(writer, live, change);
    } catch (thrown) {
      if (isKubeFailure(thrown, "notFound")) {
        return undefined;
      }
      if (!isKubeFailure(thrown, "conflict") || attempt === conflictsMax) {
        throw thrown;
      }
    }
    const newest = await readNewest(writer, live);
    if (newest === undefined) {
      return undefined;
    }
    live = newest;
  }
}

async function writeOnce(writer: ObjectWriter, live: AnyObject, change: StatusChange): Promise<AnyObject> {
  const before = statusOf(live);
  const after = asStored(change(before));
  let object = live;
  const finalizers = otherFinalizers(object, after);
  if (finalizers !== undefined) {
    object = await setFinalizers(writer, object, finalizers);
  }
  object = await applyPart(writer, object, mainPart(before), mainPart(after), fieldManager);
  object = await applyPart(writer, object, flagPart(before), flagPart(after), flagsManager);
  const extra = leftovers(statusOf(object), after);
  if (extra !== undefined && canonicalJson(before) !== canonicalJson(after)) {
    const { uid, resourceVersion } = object.metadata;
    const patch = { metadata: { uid, resourceVersion }, status: extra };
    object = await writer.resource.patch(keyOf(object), patch, { subresource: "status", fieldManager });
    writer.observe(object);
  }
  return object;
}

async function applyPart(
  writer: ObjectWriter,
  object: AnyObject,
  before: AnyStatus,
  after: AnyStatus,
  manager: string,
): Promise<AnyObject> {
  if (canonicalJson(before) === canonicalJson(after)) {
    return object;
  }
  const { apiVersion, kind, metadata } = object;
  const { name, namespace, uid, resourceVersion } = metadata;
  const body = { apiVersion, kind, metadata: { name, namespace, uid, resourceVersion }, status: after };
  const written = await writer.resource.apply(body as never, {
    subresource: "status",
    fieldManager: manager,
    force: true,
  });
  writer.observe(written);
  return written;
}

/** The newest state of the same object; undefined where it is gone. */
export async function readNewest(writer: ObjectWriter, known: AnyObject): Promise<AnyObject | undefined> {
  try {
    const newest = await writer.resource.get(keyOf(known));
    writer.learn(newest);
    return newest.metadata.uid === known.metadata.uid ? newest : undefined;
  } catch (thrown) {
    if (isKubeFailure(thrown, "notFound")) {
      return undefined;
    }
    throw thrown;
  }
}

/** Replaces the finalizers, of that very object in that very state. A patch, so that nothing else is claimed. */
export async function setFinalizers(
  { resource, observe }: ObjectWriter,
  object: AnyObject,
  finalizers: readonly string[],
): Promise<AnyObject> {
  const { uid, resourceVersion } = object.metadata;
  const patch = { metadata: { uid, resourceVersion, finalizers } };
  const written = await resource.patch(keyOf(object), patch, { fieldManager });
  observe(written);
  return written;
}

/**
 * The finalizers that the object must have once its status is `after`; undefined where it has them. Ours comes before the first word of a
 * status, and so before anything is asked of AWS. A Proxy whose service is to stay loses it. The server takes none any more on what
 * is being deleted.
 */
export function otherFinalizers(object: AnyObject, after: AnyStatus): readonly string[] | undefined {
  const { finalizers = [], deletionTimestamp } = object.metadata;
  if (deletionTimestamp !== undefined) {
    return undefined;
  }
  switch (object.kind) {
    case "Grant":
      return after["deprovisionTime"] !== undefined || finalizers.includes(finalizer)
        ? undefined
        : [...finalizers, finalizer];
    case "Proxy": {
      const others = finalizers.filter((name) => name !== cleanUpFinalizer);
      const isHeld = others.length < finalizers.length;
      const wanted = needsCleanUp(object) ? [...others, cleanUpFinalizer] : others;
      return isHeld === needsCleanUp(object) ? undefined : wanted;
    }
    default:
      return undefined;
  }
}

function statusOf(object: AnyObject): AnyStatus {
  return (object.status ?? {}) as AnyStatus;
}
