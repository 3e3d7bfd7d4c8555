import type { Trail } from "#audit/event/trail.ts";
import { type Grant, keyOf } from "#kinds/index.ts";
import { coerceError } from "#lib/errors.ts";
import { clusterMode } from "./mode/cluster.ts";
import { folderMode } from "./mode/folder.ts";
import type { Mode } from "./mode/mode.ts";
import { restoreStatuses } from "./mode/recover.ts";
import { createLoop, type Loop, urgentWorkersDefault } from "./reconcile/loop.ts";
import { OrphanHold } from "./reconcile/orphan-hold.ts";
import { reconcilers } from "./reconcile/reconcilers.ts";
import { GrantFlags } from "./serve/grants/grant-flags.ts";
import { GrantNews } from "./serve/grants/grant-news.ts";
import type { Links } from "./serve/link/links.ts";
import { createLinks, serverOptions } from "./serving.ts";
import { openTrail } from "./sinks/open-trail.ts";
import type { Source } from "./source/source.ts";
import { Telling } from "./trail/telling.ts";
import { startUpkeep, type Upkeep } from "./upkeep.ts";
import type { ControllerWorld } from "./world.ts";

/** A running controller. */
export interface Controller {
  readonly port: number;
  /**
   * Resolves when it cannot go on: a part has failed for good, such as the audit store. With `LeadershipLost` another replica has begun
   * to act: the process must end at once and without `stop`.
   */
  readonly failed: Promise<Error>;
  /** Finishes what was begun and then lets another replica act. */
  stop(): Promise<void>;
}

/** This process held the Lease and holds it no longer. */
export class LeadershipLost extends Error {
  constructor() {
    super("the lease was lost; another replica acts now");
    this.name = "LeadershipLost";
  }
}

/**
 * Starts all hops in the order of the data flow. Every replica reads all objects and has a port; what acts runs from the moment at
 * which this process leads, which is at once with a folder. A process leads once: when that is over it must end.
 */
export async function startController(world: ControllerWorld): Promise<Controller> {
  const { source: from } = world.options;
  const mode = from.kind === "folder" ? folderMode(world, from.folder) : await clusterMode(world, from);
  try {
    world.fence.follow(mode.leadership);
    await mode.open();
    return await assemble(world, mode);
  } catch (error) {
    // Whoever stands by need not wait for a process that never began.
    await mode.close();
    throw error;
  }
}

async function assemble(world: ControllerWorld, mode: Mode): Promise<Controller> {
  const { clock, log, options } = world;
  const { source, leadership } = mode;
  const failed = Promise.withResolvers<Error>();
  const news = new GrantNews();
  news.follow(source);
  const trail = await openTrail(world, source, news, (error) => failed.resolve(error));
  const { audit } = trail;
  const flags = new GrantFlags({ store: audit.store, source, clock, log });
  const links: Links = createLinks(world, source, audit, flags, (key) => loop.enqueue(key, "change"));
  const telling = new Telling({ source, trail: audit.trail, retentionMs: options.audit.retentionMs, clock, log });
  const loop = createWorkers(world, mode, links, audit.trail, telling, news);
  const orphans = new OrphanHold(clock);
  mode.identity.onChange(() => lookAgain(source, loop));
  tellLinks(source, links);
  measure(world, mode, links, loop, orphans);
  const entrance = await mode.listen(serverOptions(world, source, audit, links, loop, orphans, news, trail.slack));
  let upkeep: Upkeep | undefined;
  let isStopping = false;
  const ended = new AbortController();

  const lead = async (): Promise<void> => {
    await mode.catchUp();
    await audit.begin(ended.signal);
    await restoreStatuses(source, world);
    await loop.start();
    if (!isStopping) {
      entrance.serve();
      void flags.restore().catch((error: unknown) => log.error("Grants could not be flagged", { error }));
      upkeep = startUpkeep(world, source, audit, links, orphans, telling);
      log.info("control API listens", { url: options.publicURL, port: entrance.port });
    }
  };
  let leading: Promise<void> | undefined;
  const stopHearing = leadership.onChange((isLeading) => {
    if (!isLeading) {
      failed.resolve(new LeadershipLost());
      return;
    }
    leading = lead();
    leading.catch((error: unknown) => failed.resolve(coerceError(error)));
  });
  await leading;
  if (leading === undefined) {
    log.info("stands by for the leader", { port: entrance.port });
  }
  return {
    port: entrance.port,
    failed: failed.promise,
    async stop() {
      isStopping = true;
      ended.abort();
      stopHearing();
      upkeep?.stop();
      // Proxies hear of what the last runs end.
      await loop.stop();
      links.close();
      await entrance.close();
      await flags.settled();
      await source.close();
      await trail.close();
      await mode.close();
    },
  };
}

/** What metrics and probes look at. */
function measure({ telemetry }: ControllerWorld, mode: Mode, links: Links, loop: Loop, hold: OrphanHold): void {
  telemetry?.observe({
    source: mode.source,
    isSynced: () => true,
    linked: () => links.overview(),
    loop,
    orphans: () => hold.held()?.keys.length ?? 0,
    ...mode.observed,
  });
}

/** Whose word counts has changed: what shows it, and what waits for somebody's word, is looked at anew. */
function lookAgain(source: Source, loop: Loop): void {
  for (const kind of ["AccessWorkflow", "Grant", "GrantReview"] as const) {
    for (const { object } of source.list(kind)) {
      loop.enqueue(keyOf(object), "resync");
    }
  }
}

/** The reconcilers and the loop that runs them. */
function createWorkers(
  world: ControllerWorld,
  { source, identity }: Mode,
  links: Links,
  trail: Trail,
  telling: Telling,
  news: GrantNews,
): Loop {
  const { options, log, clock, ports, telemetry, publicKeyPin: pin, newID } = world;
  const { publicURL, installation } = options;
  return createLoop({
    source,
    ...(telemetry === undefined ? {} : { recorder: telemetry.loop }),
    reconcilers: reconcilers({
      identityStore: options.identityStore,
      source: telemetry?.countDrift(source) ?? source,
      ports,
      clock,
      controller: { publicURL, pin, installation },
      identity,
      warnBeforeEndMs: options.warnBeforeEndMs,
      trail,
      log,
      connectedTasks: (proxyKey) => links.tasksOf(proxyKey),
      reportsOn: (databaseKey) => links.reportsOn(databaseKey),
      onGrantUntold: () => telling.fellBehind(),
      onGrantWritten: (grant) => {
        links.grantChanged(grant);
        news.changed(keyOf(grant));
      },
      onReviewWritten: ({ metadata: { namespace }, spec }) =>
        news.changed({ kind: "Grant", namespace, name: spec.grantRef.name }),
      onGrantAction: (grant, action, result) => {
        const { kind: step } = action;
        telemetry?.revocation.stepDone(grant, action, result);
        const { grantID = "" } = grant.status ?? {};
        const { name } = grant.metadata;
        log.info(step === "Activate" ? "grant active" : "grant step performed", { step, grantID, name });
      },
    }),
    clock,
    random: Math.random,
    log,
    newID,
    urgentWorkers: urgentWorkersDefault,
  });
}

/**
 * A deleted object ends a grant at the proxies at once, before the loop has come to it. What a Database says of its audit trail and of
 * shared users is not pinned: it holds for the next session. What a Proxy's status says of its tasks' duties, they are told.
 */
function tellLinks(source: Source, links: Links): void {
  source.subscribe(({ kind, namespace, name }) => {
    if (kind === "Proxy") {
      links.proxyChanged(`${namespace}/${name}`);
    }
    const own = kind === "Grant" ? source.get("Grant", namespace, name) : undefined;
    const ofDatabase = kind === "Database" ? source.list("Grant") : [];
    const isOf = ({ metadata, spec }: Grant): boolean =>
      metadata.namespace === namespace && spec.databaseRef.name === name;
    for (const { object } of own === undefined ? ofDatabase.filter(({ object: grant }) => isOf(grant)) : [own]) {
      links.grantChanged(object);
    }
  });
}
