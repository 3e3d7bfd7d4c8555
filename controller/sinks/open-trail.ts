import { openAudit } from "../audit-keeping.ts";
import type { AuditKeeping } from "../serve/audit-trail.ts";
import type { Source } from "../source/source.ts";
import type { ControllerWorld } from "../world.ts";
import { openCursors } from "./cursors.ts";
import { startSinks } from "./sinks.ts";

/** The audit trail of this replica, and what takes it elsewhere. */
export interface OpenTrail {
  readonly audit: AuditKeeping;
  /** Signs and delivers what was stored last, and closes the store. */
  close(): Promise<void>;
}

/**
 * Opens the trail and starts its sinks. The store is this replica's own, and so are its cursors: it delivers what it holds whether or not it
 * leads, since nobody else can.
 */
export async function openTrail(
  world: ControllerWorld,
  source: Source,
  onFailed: (error: Error) => void,
): Promise<OpenTrail> {
  const cursors = await openCursors(world.options);
  const audit = await openAudit(world, source, onFailed);
  const sinks = await startSinks(world, { store: audit.store, cursors });
  return {
    audit: { ...audit, sinkProblems: () => sinks.problems() },
    async close() {
      await audit.trail.settled();
      await sinks.stop();
      await audit.heads.close();
      await audit.store.close();
    },
  };
}
