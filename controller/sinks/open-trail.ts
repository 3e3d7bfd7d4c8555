import { defined } from "#lib/defined.ts";
import { openAudit } from "../audit-keeping.ts";
import type { SlackDesk } from "../notify/slack/desk.ts";
import { openSlack } from "../notify/slack/open.ts";
import { notifyRunners } from "../notify/runners.ts";
import type { AuditKeeping } from "../serve/audit-trail.ts";
import type { GrantNews } from "../serve/grants/grant-news.ts";
import type { Source } from "../source/source.ts";
import type { ControllerWorld } from "../world.ts";
import { openCursors } from "./cursors.ts";
import { type Sinks, startSinks } from "./sinks.ts";

/** The audit trail of this replica, and what takes it elsewhere. */
export interface OpenTrail {
  readonly audit: AuditKeeping;
  /** Absent: nothing is said in Slack. */
  readonly slack?: SlackDesk;
  /** Signs and delivers what was stored last, and closes the store. */
  close(): Promise<void>;
}

/**
 * Opens the trail, and starts its sinks. Those of a store that is this replica's own run whether or not it leads, since nobody else can deliver
 * what it holds; those of a store that all replicas share run from `begin` on, where this one leads.
 */
export async function openTrail(
  world: ControllerWorld,
  source: Source,
  news: GrantNews,
  onFailed: (error: Error) => void,
): Promise<OpenTrail> {
  const cursors = await openCursors(world.options);
  const audit = await openAudit(world, source, onFailed);
  const slack = await openSlack(world, source, news);
  const isShared = world.options.audit.store !== undefined;
  const pass = (): void => world.fence.pass("sinks:Deliver");
  let sinks: Sinks | undefined;
  const start = async (): Promise<void> => {
    const { store } = audit;
    sinks = await startSinks(world, {
      store,
      heads: audit.headReader,
      cursors,
      ...(isShared ? { pass } : {}),
      more: (watch) =>
        notifyRunners(world, { store, cursors, watch, slack: slack?.desk, ...(isShared ? { pass } : {}) }),
    });
  };
  if (!isShared) {
    await start();
  }
  return {
    audit: {
      ...audit,
      sinkProblems: () => sinks?.problems() ?? [],
      // Before they have begun nobody knows how far they are.
      positionNeeded: () => (sinks === undefined && world.options.sinks.length > 0 ? 1 : sinks?.positionNeeded()),
      async begin(signal) {
        await audit.begin(signal);
        await (isShared ? start() : undefined);
        slack?.begin();
      },
    },
    ...defined({ slack: slack?.desk }),
    async close() {
      await audit.trail.settled();
      await sinks?.stop();
      await slack?.close();
      await cursors.close();
      await audit.heads.close();
      await audit.store.close();
    },
  };
}
