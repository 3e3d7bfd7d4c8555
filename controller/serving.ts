import type { ObjectKey } from "#kinds/index.ts";
import { defined } from "#lib/defined.ts";
import type { LinkPolicy } from "#wire/link.ts";
import type { ProofVerifier } from "#wire/proof.ts";
import { isNews } from "./metrics/revocation.ts";
import { linkGrantOf } from "./reconcile/grant/link-grant.ts";
import type { Loop } from "./reconcile/loop.ts";
import type { OrphanHold } from "./reconcile/orphan-hold.ts";
import { createApp } from "./serve/app.ts";
import { mountConsole, readConsoleAssets } from "./serve/console-assets.ts";
import { type AuditKeeping, auditReader, auditSink } from "./serve/audit-trail.ts";
import { Nonces } from "./serve/auth/nonces.ts";
import { Tokens } from "./serve/auth/tokens.ts";
import { OidcIssuer } from "./serve/auth/oidc/issuer.ts";
import { createSignInWays } from "./serve/browser/door.ts";
import { accountOf, createDirectory } from "./serve/directory.ts";
import { entitlementsOf } from "./serve/grants/entitlements.ts";
import { eventReader } from "./serve/event-reader.ts";
import type { GrantFlags } from "./serve/grants/grant-flags.ts";
import type { GrantNews } from "./serve/grants/grant-news.ts";
import { Links } from "./serve/link/links.ts";
import type { SlackDesk } from "./notify/slack/desk.ts";
import { slackDoor } from "./serve/slack/door.ts";
import { controlRoutes } from "./serve/routes.ts";
import type { ServerOptions } from "./serve/server.ts";
import type { Services } from "./serve/services.ts";
import { findGrant } from "./source/grant-by-id.ts";
import type { Source } from "./source/source.ts";
import type { ControllerWorld } from "./world.ts";

/**
 * What proxies do without their controller. Nothing new after a minute: a restart takes seconds. Everything ends after
 * fifteen: that long a proxy's knowledge of who may do what is good enough for a person who is already at work.
 */
const withoutController: Omit<LinkPolicy, "warnBeforeEndMs"> = {
  admitWithoutControllerMs: 60_000,
  endWithoutControllerMs: 15 * 60_000,
};

/** The links to proxies. `enqueue` asks for a look at an object of which a proxy told something. */
export function createLinks(
  world: ControllerWorld,
  source: Source,
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
    audit: auditSink(audit, (grantIDs) => flags.note(grantIDs), world.telemetry?.audit),
    linkGrantOf: (grant, nowMs) => {
      const { namespace } = grant.metadata;
      return linkGrantOf(grant, source.get("Database", namespace, grant.spec.databaseRef.name)?.object, nowMs);
    },
    onProxyChanged: (proxyKey) => {
      const [namespace = "", name = ""] = proxyKey.split("/");
      enqueue({ kind: "Proxy", namespace, name });
    },
    onDatabasesChanged: (keys) => {
      for (const key of keys) {
        const [namespace = "", name = ""] = key.split("/");
        enqueue({ kind: "Database", namespace, name });
      }
    },
    onCut: (task, report) => {
      const { grantID, sessions, backendsGone } = report;
      const grant = findGrant(source, grantID);
      world.telemetry?.revocation.proxyCut(grant, report);
      // A task that has just started confirms every grant of the last day: thousands, and no news.
      const level = grant === undefined || isNews(grant, report, clock.now()) ? "info" : "debug";
      log[level]("proxy cut a grant's sessions", {
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

/** What the control API's server needs. */
export function serverOptions(
  world: ControllerWorld,
  source: Source,
  audit: AuditKeeping,
  links: Links,
  loop: Loop,
  orphans: OrphanHold,
  grantNews: GrantNews,
  slack?: SlackDesk,
): ServerOptions {
  const { options, clock, log, random, ports, version } = world;
  const { identityPermissionSet, identityAccount, identityStore } = options;
  const directory = createDirectory({ source, ports, clock, identityPermissionSet, identityAccount, identityStore });
  const services: Services = {
    source,
    clock,
    log,
    random,
    installation: options.installation,
    signIn: () => ({
      installation: options.installation,
      startURL: options.startURL,
      ssoRegion: directory.ssoRegion() ?? options.region,
      identityPermissionSet,
      identityAccountID: directory.identityAccountID(),
      ...defined({ oidc: ways.oidc }),
    }),
    verifier: verifierOf(world),
    directory,
    audit: auditReader(audit),
    problems: () => [...source.problems(), ...(audit.sinkProblems?.() ?? []), ...audit.retentionHold.problems()],
    trail: audit.trail,
    events: eventReader(audit.store),
    grantNews,
    entitlements: async (person, namespace) => entitlementsOf(source, person, namespace),
    killSession: (grant, session, message) => links.killSession(grant, session, message),
    linkedTasks: (proxyKey) => links.tasksOf(proxyKey),
    orphans,
  };
  const tokens = new Tokens(clock, random);
  const nonces = new Nonces(clock, random);
  const groups = { auditors: options.auditorGroup, administrators: options.administratorGroup };
  const issuer = options.oidc === undefined ? undefined : new OidcIssuer(options.oidc, { clock, log });
  const ways = createSignInWays({ services, tokens, groups, publicURL: options.publicURL, issuer });
  const door = slack === undefined ? undefined : slackDoor(slack, services);
  const routes = controlRoutes({
    services,
    nonces,
    tokens,
    groups,
    version,
    isStuck: () => loop.stats().stuck,
    signIn: [...ways.routes, ...(door?.routes ?? [])],
  });
  const app = createApp(routes, tokens, groups, log, ways.door);
  door?.mount(app);
  serveConsole(app, world);
  return {
    certificate: options.certificate,
    privateKey: options.privateKey,
    app,
    onLink: (socket) => links.accept(socket),
  };
}

/** The console, unless it is off. Sources that nobody built have none: everything else works without it. */
function serveConsole(app: ReturnType<typeof createApp>, { options, consoleAssets, log }: ControllerWorld): void {
  if (!options.console || consoleAssets === undefined) {
    return;
  }
  const assets = readConsoleAssets(consoleAssets);
  if (assets === undefined) {
    log.warn("the console is not built and not served", { folder: consoleAssets });
    return;
  }
  mountConsole(app, assets);
}
