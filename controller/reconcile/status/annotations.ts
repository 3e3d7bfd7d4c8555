import type { ObjectMeta } from "#kinds/index.ts";

/** Opaque token; a new value asks for a look at once and lifts Stalled. Echoed in `status.lastHandledReconcileAt`. */
export const reconcileRequestedAt = "sallyport.dev/reconcile-requested-at";

/** The token of this object as a status holds it (a character that was cut in two is replaced), undefined where nobody asked. */
export function requestedLook(metadata: ObjectMeta): string | undefined {
  return metadata.annotations?.[reconcileRequestedAt]?.slice(0, 256).toWellFormed();
}
