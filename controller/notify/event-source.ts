import { createHash } from "node:crypto";
import type { SinkItem, SinkPage, SinkSource } from "#audit/sinks/sink.ts";
import type { StoreWatch } from "#audit/sinks/store-watch.ts";
import type { AuditStore } from "#audit/store/store.ts";
import { canonicalJson } from "#kinds/index.ts";
import type { TrailEventName, TrailEventView } from "#wire/trail-event.ts";

/** What of the audit store notifications read. */
export type EventStore = Pick<AuditStore, "events" | "newest">;

export interface EventSourceOptions {
  readonly store: EventStore;
  readonly watch: Pick<StoreWatch, "wait">;
  readonly installation: string;
  readonly names: readonly TrailEventName[];
}

/** The trail's events of these names, in the order in which the store took them. */
export function eventSource({ store, watch, installation, names }: EventSourceOptions): SinkSource<TrailEventView> {
  let latest = 0;
  return {
    async read(after, limit): Promise<SinkPage<TrailEventView>> {
      // Asked first: what comes in between is not taken for looked at.
      const newest = await store.newest();
      const page = await store.events({ names, after, limit });
      const items = page.items.map((event) => itemOf(event, installation));
      const last = items.at(-1)?.position ?? after;
      latest = Math.max(latest, last);
      return page.next === undefined
        ? { items, position: Math.max(last, newest), more: false }
        : { items, position: last, more: true };
    },
    wait: (after, signal) => watch.wait(after, signal),
    // Of the events alone: statements that come are nothing that anybody waits for here.
    latest: () => latest,
    newest: () => store.newest(),
  };
}

function itemOf(event: TrailEventView, installation: string): SinkItem<TrailEventView> {
  return {
    position: event.storeSeq,
    id: eventID(event, installation),
    receivedMs: Date.parse(event.time),
    bytes: Buffer.byteLength(JSON.stringify(event)),
    value: event,
  };
}

/** Name of an event: the same at every delivery and to every receiver, and no other event has it. Pure. */
export function eventID(event: TrailEventView, installation: string): string {
  const digest = createHash("sha256").update(canonicalJson({ installation, event }));
  return `evt_${digest.digest("base64url").slice(0, 24)}`;
}
