import type { TrailEvent } from "#lib/trail-event.ts";

/** An event without its time, which the trail gives it. */
export type NewTrailEvent = Omit<TrailEvent, "time">;

/** Keeps what happened to access beside the statements. */
export interface Trail {
  /**
   * Resolves when the event is stored for good, after all that were given before it. Rejects when it cannot be kept: what it would have
   * told of must then not happen. What is kept already (`eventIdentity`) is not kept again, so it is safe to tell it again.
   */
  record(event: NewTrailEvent): Promise<void>;
}
