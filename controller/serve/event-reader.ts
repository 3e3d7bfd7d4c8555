import type { AuditStore } from "#audit/store/store.ts";
import type { EventReader } from "./services.ts";

/** The trail's events for the API. */
export function eventReader(store: Pick<AuditStore, "events" | "eventTail">): EventReader {
  return {
    page: (filter, page) => store.events({ ...filter, ...page }),
    tail: (filter, after, signal) => store.eventTail({ filter, after, signal }),
  };
}
