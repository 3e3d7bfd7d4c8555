import type { AnyObject, ConditionInput, ObjectMeta } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import type { Source } from "../../source/source.ts";
import { requestedLook } from "./annotations.ts";
import { applyPatch, withConditions, type Patch } from "./patch.ts";

/** What all kinds' status has in common. */
interface CommonStatus {
  readonly lastHandledReconcileAt?: string;
  readonly conditions?: Parameters<typeof withConditions>[0];
}

/** What is written to an object's status. */
export interface StatusWrite<T extends AnyObject> {
  readonly patch: Patch<NonNullable<T["status"]>>;
  /** Empty: conditions stay as they are. */
  readonly conditions: readonly ConditionInput[];
  /** Whether other objects depend on what is written, so that subscribers must hear of it. */
  readonly notify?: boolean;
}

/** The one way in which reconcilers write status: patch, conditions, and the echo of a requested look; only what changed. */
export async function writeObjectStatus<T extends AnyObject>(
  source: Pick<Source, "writeStatus">,
  object: T,
  write: StatusWrite<T>,
  clock: Clock,
): Promise<void> {
  const metadata: ObjectMeta = object.metadata;
  const known: CommonStatus = object.status ?? {};
  const asked = requestedLook(metadata);
  const handled =
    asked === undefined || asked === known.lastHandledReconcileAt ? {} : { lastHandledReconcileAt: asked };
  const { patch, conditions, notify = false } = write;
  if (Object.keys(patch).length === 0 && conditions.length === 0 && Object.keys(handled).length === 0) {
    return;
  }
  await source.writeStatus<T>(
    object,
    (status) => {
      const patched = { ...applyPatch<NonNullable<T["status"]>>(status, patch), ...handled };
      const { conditions: previous } = status as CommonStatus;
      return conditions.length === 0
        ? patched
        : { ...patched, conditions: withConditions(previous, conditions, metadata.generation ?? 0, clock.now()) };
    },
    { notify },
  );
}
