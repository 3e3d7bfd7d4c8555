import type { TrailEvent } from "#lib/trail-event.ts";

export { type TrailActor, type TrailEvent, type TrailEventName, trailEvents } from "#lib/trail-event.ts";

/** A page of `GET /v1/events?grantID=&after=&limit=`, and what each line of `GET /v1/events/tail` holds. */
export interface TrailEventView extends TrailEvent {
  /** Position in the store. */
  readonly storeSeq: number;
}
export interface TrailEventList {
  readonly items: readonly TrailEventView[];
  /** `after` of the next page. Absent on the last. */
  readonly next?: number;
}

/** One line of `GET /v1/events/tail` (newline-delimited JSON, kept open): an event, or `{}` first and in every silence of 15 s. */
export type TrailEventLine = TrailEventView | Record<string, never>;
