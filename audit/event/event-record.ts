import { defined } from "#lib/defined.ts";
import type { TrailEvent } from "#lib/trail-event.ts";
import type { AuditRecord, EventRecord } from "../record.ts";
import type { NewTrailEvent } from "./trail.ts";

/** Who an installation's own records come from. No Proxy has such a name: a namespace has no colon. */
export function controllerOrigin(installation: string): string {
  return `${controllerPrefix}${installation}`;
}

/** What the names of all controllers begin with. */
export const controllerPrefix = "controller:";

/** The body that keeps an event. Pure. */
export function eventBody({ event, actor, detail, ...about }: NewTrailEvent): EventRecord {
  const { grantID, grant, userName, database, role, session } = about;
  return {
    kind: "event",
    event,
    actor,
    about: defined({ grantID, grant, userName, database, role, session }),
    ...defined({ detail }),
  };
}

/** The event that a record keeps. Pure. */
export function eventIn(record: Extract<AuditRecord, { kind: "event" }>): TrailEvent {
  const { event, actor, about, detail, time } = record;
  return { event, time, actor, ...about, ...defined({ detail }) };
}
