import { eventIdentity } from "./once.ts";
import type { NewTrailEvent, Trail } from "./trail.ts";

/** A trail for tests. */
export interface MemoryTrail extends Trail {
  /** What was recorded, in order. */
  readonly events: readonly NewTrailEvent[];
  /** While it is set, nothing can be recorded. */
  failure: Error | undefined;
}

/** A trail that keeps its events in memory. */
export function memoryTrail(): MemoryTrail {
  const events: NewTrailEvent[] = [];
  return {
    events,
    failure: undefined,
    async record(event) {
      if (this.failure !== undefined) {
        throw this.failure;
      }
      const identity = eventIdentity(event);
      if (identity === undefined || !events.some((kept) => eventIdentity(kept) === identity)) {
        events.push(event);
      }
    },
  };
}
