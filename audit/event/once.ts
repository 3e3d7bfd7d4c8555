import type { TrailEvent, TrailEventName } from "#lib/trail-event.ts";

/** Of each of these a Grant has one, whatever else is said of it. */
const oncePerGrant: readonly TrailEventName[] = [
  "grant.requested",
  "grant.denied",
  "grant.ended",
  "grant.deprovisioned",
];
/** These may come several times, and say something else each time: which extension, which review, until when. */
const oncePerContent: readonly TrailEventName[] = [
  "grant.approved",
  "grant.activated",
  "grant.breakGlass",
  "grant.extended",
  "grant.expiring",
  "review.counted",
  "review.refused",
];

/** Events that the trail keeps once, however often it is told of them. */
export const onceEvents: readonly TrailEventName[] = [...oncePerGrant, ...oncePerContent];

/**
 * What makes an event the one that it is, from what it says alone: two of one identity are one event that was told twice, as by a process
 * that did not live to see that it was kept. Undefined for what may happen again just so, such as a look at statements. Pure.
 */
export function eventIdentity(event: Omit<TrailEvent, "time">): string | undefined {
  const { event: name, grantID, actor, detail = {} } = event;
  if (grantID === undefined) {
    return undefined;
  }
  if (oncePerGrant.includes(name)) {
    return JSON.stringify([grantID, name]);
  }
  const said = Object.entries(detail).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return oncePerContent.includes(name) ? JSON.stringify([grantID, name, actor.kind, actor.name, said]) : undefined;
}
