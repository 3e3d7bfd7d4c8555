import path from "node:path";
import { loadSigningKey } from "#audit/signing-key.ts";
import { HeadLog } from "#audit/heads.ts";
import { AuditStore } from "#audit/store/store.ts";
import type { Grant, ObjectKey } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import type { LinkPolicy } from "#wire/link.ts";
import type { ProofVerifier } from "#wire/proof.ts";
import type { AwsPorts } from "./aws/ports.ts";
import type { ControllerOptions } from "./options.ts";
import { linkGrantOf } from "./reconcile/grant/link-grant.ts";
import { identityCenterRegions, recoverGrants } from "./reconcile/grant/recovery.ts";
import { createLoop, type Loop } from "./reconcile/loop.ts";
import { OrphanSweeper } from "./reconcile/orphan-sweeper.ts";
import { reconcilers } from "./reconcile/reconcilers.ts";
import { createApp } from "./serve/app.ts";
import { type AuditKeeping, auditReader, auditSink } from "./serve/audit-trail.ts";
import { Nonces } from "./serve/auth/nonces.ts";
import { Tokens } from "./serve/auth/tokens.ts";
import { accountOf, createDirectory } from "./serve/directory.ts";
import { entitlementsOf } from "./serve/entitlements.ts";
import { GrantFlags } from "./serve/grant-flags.ts";
import { GoneTasks } from "./serve/link/gone-tasks.ts";
import { Links } from "./serve/link/links.ts";
import { controlRoutes } from "./serve/routes.ts";
import { type ControlServer, startServer } from "./serve/server.ts";
import { findGrant, type Services } from "./serve/services.ts";
import { createFolderSource, type FolderSource } from "./source/folder/source.ts";

/** The world that the controller runs in. */
export interface ControllerWorld {
  readonly options: ControllerOptions;
  readonly version: string;
  /** What proxies pin this controller by. */
  readonly publicKeyPin: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: (bytes: number) => Buffer;
  readonly newID: () => string;
  readonly fetch: typeof globalThis.fetch;
  readonly ports: AwsPorts;
  /** STS endpoint of the environment; absent: the region's own. */
  readonly stsURL: string | undefined;
}

/** A running controller. */
export interface Controller {
  readonly port: number;
  /** Resolves when a part has failed for good, such as the audit store; the process must then end and be started again. */
  readonly failed: Promise<Error>;
  stop(): Promise<void>;
}

/**
 * What proxies do without their controller. Nothing new after a minute: a restart takes seconds. Everything ends after
 * fifteen: that long a proxy's knowledge of who may do what is good enough for a person who is already at work.
 */
const withoutController: Omit<LinkPolicy, "warnBeforeEndMs"> = {
  admitWithoutControllerMs: 60_000,
  endWithoutControllerMs: 15 * 60_000,
};

/** Starts all hops in the order of the data flow; the control API listens last, when there is something to say. */
export async function startController(world: ControllerWorld): Promise<Controller> {
  const { options, log, clock } = world;
  const failed = Promise.withResolvers<Error>();
  const source = createFolderSource({ folder: options.folder, state: options.state, clock, log });
  await recoverLostState(source, world);
  // Takes the lock on the state before anything else of it is touched.
  await source.start();
  const audit = await openAudit(world, source, (error) => failed.resolve(error));
  const flags = new GrantFlags({ store: audit.store, source, clock, log });
  const links: Links = createLinks(world, source, audit, flags, (key) => loop.enqueue(key, "change"));
  const tellLinks = (grant: Grant): void => links.grantChanged(grant);
  const loop: Loop = createLoop({
    source,
    reconcilers: reconcilers({
      source,
      ports: world.ports,
      clock,
      controller: { publicURL: options.publicURL, pin: world.publicKeyPin, installation: options.installation },
      connectedTasks: (proxyKey) => links.tasksOf(proxyKey),
      reportsOn: (databaseKey) => links.reportsOn(databaseKey),
      onGrantWritten: tellLinks,
      onGrantAction: (grant, { kind }) => {
        const { grantID = "" } = grant.status ?? {};
        log.info(kind === "Activate" ? "grant active" : "grant step performed", {
          step: kind,
          grantID,
          name: grant.metadata.name,
        });
      },
    }),
    clock,
    random: Math.random,
    log,
    newID: world.newID,
  });
  // A deleted file ends a grant at the proxies at once, before the loop has come to it. What a Database says of its audit trail and of
  // shared users is not pinned: it holds for the next session.
  source.subscribe((key) => {
    for (const { object } of source.list("Grant")) {
      const { namespace, name } = object.metadata;
      const { databaseRef } = object.spec;
      const isMeant =
        (key.kind === "Grant" && key.name === name) || (key.kind === "Database" && key.name === databaseRef.name);
      if (isMeant && key.namespace === namespace) {
        tellLinks(object);
      }
    }
  });
  await loop.start();
  void flags.restore().catch((error: unknown) => log.error("Grants could not be flagged", { error }));
  const server = await serve(world, source, audit, links, loop);
  const upkeep = startUpkeep(world, source, audit, links);
  log.info("control API listens", { url: options.publicURL, port: server.port });
  return {
    port: server.port,
    failed: failed.promise,
    async stop() {
      upkeep.stop();
      links.close();
      await server.close();
      await loop.stop();
      await flags.settled();
      await source.close();
      await audit.heads.close();
      await audit.store.close();
    },
  };
}

/** What nobody waits for: tasks that are gone, permission sets that belong to no Grant. */
function startUpkeep(
  { ports, clock, log, options }: ControllerWorld,
  source: FolderSource,
  audit: AuditKeeping,
  links: Links,
): { stop(): void } {
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
  const orphans = new OrphanSweeper({ ports, source, clock, log, installation, region });
  goneTasks.start();
  orphans.start();
  return {
    stop() {
      goneTasks.stop();
      orphans.stop();
    },
  };
}

/** A state that was never held may have been lost: AWS's own tags say what must be taken up again. */
async function recoverLostState(source: FolderSource, { ports, options, log, clock }: ControllerWorld): Promise<void> {
  if (!source.isBlank()) {
    return;
  }
  const { installation, region } = options;
  const regions = identityCenterRegions(await source.preview(), region);
  const recovered = await recoverGrants(ports, { installation, regions, now: clock.now() });
  if (recovered.length > 0) {
    log.warn("state was lost; grants were recovered from the tags of their permission sets", {
      count: recovered.length,
    });
    source.adopt(recovered);
  }
}

async function openAudit(
  { options, clock, log }: ControllerWorld,
  source: FolderSource,
  onFailed: (error: Error) => void,
): Promise<AuditKeeping> {
  const store = await AuditStore.open({ path: path.join(options.state, "audit", "audit.db"), clock, onFailed });
  const headsDirectory = path.join(options.state, "heads");
  const key = loadSigningKey(path.join(options.state, "heads-key.pem"));
  const { installation } = options;
  const heads = await HeadLog.open({
    directory: headsDirectory,
    privateKey: key.privateKey,
    installation,
    clock,
    onFailed,
  });
  // What was stored just before the last process died may not have been signed yet.
  for (const head of await store.heads()) {
    heads.note(head);
  }
  return {
    store,
    heads,
    headsDirectory,
    publicKeyPEM: key.publicKeyPEM,
    log,
    proxyOfGrant: (grantID) => {
      const grant = findGrant(source, grantID);
      const proxy = grant?.status?.target?.proxy;
      return proxy === undefined ? undefined : `${grant?.metadata.namespace}/${proxy}`;
    },
    databaseKey: (name) => {
      const found = source.list("Database").find(({ object }) => object.metadata.name === name)?.object.metadata;
      return `${found?.namespace ?? "default"}/${name}`;
    },
  };
}

function createLinks(
  world: ControllerWorld,
  source: FolderSource,
  audit: AuditKeeping,
  flags: GrantFlags,
  enqueue: (key: ObjectKey) => void,
): Links {
  const { options, clock, log, random, ports } = world;
  return new Links({
    source,
    verifier: verifierOf(world),
    installation: options.installation,
    account: (proxy) => accountOf(ports, proxy),
    clock,
    log,
    random,
    policy: { ...withoutController, warnBeforeEndMs: options.warnBeforeEndMs },
    audit: auditSink(audit, (grantIDs) => flags.note(grantIDs)),
    linkGrantOf: (grant, nowMs) => {
      const { namespace } = grant.metadata;
      return linkGrantOf(grant, source.get("Database", namespace, grant.spec.databaseRef.name)?.object, nowMs);
    },
    onProxyChanged: (proxyKey) => {
      const [namespace = "", name = ""] = proxyKey.split("/");
      enqueue({ kind: "Proxy", namespace, name });
    },
    onCut: (task, report) => {
      const { grantID, sessions, backendsGone } = report;
      log.info("proxy cut a grant's sessions", {
        proxy: task.proxyKey,
        task: task.taskARN,
        grantID,
        sessions,
        backendsGone,
      });
    },
  });
}

function verifierOf({ options, clock, fetch, stsURL }: ControllerWorld): ProofVerifier {
  const url = stsURL ?? `https://sts.${options.region}.amazonaws.com`;
  return { sts: { url, region: options.region }, clock, fetch };
}

async function serve(
  world: ControllerWorld,
  source: FolderSource,
  audit: AuditKeeping,
  links: Links,
  loop: Loop,
): Promise<ControlServer> {
  const { options, clock, log, random, ports, version } = world;
  const { identityPermissionSet, identityAccount } = options;
  const directory = createDirectory({ source, ports, clock, identityPermissionSet, identityAccount });
  const services: Services = {
    source,
    clock,
    log,
    random,
    installation: options.installation,
    signIn: () => ({
      installation: options.installation,
      startURL: options.startURL,
      ssoRegion: source.list("Proxy")[0]?.object.spec.identityCenter.region ?? options.region,
      identityPermissionSet,
      identityAccountID: directory.identityAccountID(),
    }),
    verifier: verifierOf(world),
    directory,
    audit: auditReader(audit),
    entitlements: async (person, namespace) => entitlementsOf(source, person, namespace),
    linkedTasks: (proxyKey) => links.tasksOf(proxyKey),
  };
  const tokens = new Tokens(clock, random);
  const nonces = new Nonces(clock, random);
  const groups = { auditors: options.auditorGroup, administrators: options.administratorGroup };
  const routes = controlRoutes({ services, nonces, tokens, groups, version, isStuck: () => loop.stats().stuck });
  return startServer({
    ...options.listen,
    certificate: options.certificate,
    privateKey: options.privateKey,
    app: createApp(routes, tokens, groups, log),
    onLink: (socket) => links.accept(socket),
  });
}
