import { AuditRetention } from "./audit-retention.ts";
import type { OrphanHold } from "./reconcile/orphan-hold.ts";
import { OrphanSweeper } from "./reconcile/orphan-sweeper.ts";
import type { AuditKeeping } from "./serve/audit-trail.ts";
import { accountOf } from "./serve/directory.ts";
import { GoneTasks } from "./serve/link/gone-tasks.ts";
import type { Links } from "./serve/link/links.ts";
import type { Source } from "./source/source.ts";
import type { Telling } from "./trail/telling.ts";
import type { ControllerWorld } from "./world.ts";

/** Work that is going on until `stop`. */
export interface Upkeep {
  stop(): void;
}

/** What nobody waits for: tasks that are gone, permission sets that belong to no Grant, what the trail has not heard yet. */
export function startUpkeep(
  { ports, clock, log, options }: ControllerWorld,
  source: Source,
  audit: AuditKeeping,
  links: Links,
  hold: OrphanHold,
  telling: Telling,
): Upkeep {
  const goneTasks = new GoneTasks({
    source,
    clock,
    log,
    account: (proxy) => accountOf(ports, proxy),
    heads: () => audit.store.heads(),
    headLog: audit.heads,
    linkedTasks: (proxyKey) => links.tasksOf(proxyKey),
  });
  const { installation, region } = options;
  const orphans = new OrphanSweeper({ ports, source, clock, log, installation, region, hold });
  const { retentionMs } = options.audit;
  const retention =
    retentionMs === undefined
      ? undefined
      : new AuditRetention({ audit, retentionMs, clock, log, hold: audit.retentionHold });
  retention?.start();
  void telling.start();
  goneTasks.start();
  orphans.start();
  return {
    stop() {
      retention?.stop();
      telling.stop();
      goneTasks.stop();
      orphans.stop();
    },
  };
}
