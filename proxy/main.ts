import { randomBytes, randomUUID } from "node:crypto";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { openJournal } from "#audit/journal.ts";
import { type Clock, systemClock } from "#lib/clock.ts";
import { jsonLog, type Log } from "#lib/log.ts";
import { verifyProof } from "#wire/proof.ts";
import { TicketBook } from "./admission/tickets.ts";
import { ControllerContact } from "./grants/contact.ts";
import { GrantTable } from "./grants/table.ts";
import { LinkClient } from "./link/client.ts";
import { Outbox } from "./link/outbox.ts";
import { readTaskIdentity, taskCredentials } from "./link/task.ts";
import { Gate } from "./listen/gate.ts";
import { healthSocketName, serveHealth } from "./listen/health.ts";
import { listenLoopback } from "./listen/listener.ts";
import { type Environment, readOptions } from "./options.ts";
import { Passwords, type ReadSecret } from "./secrets/passwords.ts";
import type { Engine } from "./session/engine.ts";
import { postgresEngine } from "./session/postgres-engine.ts";
import { SessionRegistry } from "./session/registry.ts";
import { DatabaseHealth } from "./session/health.ts";
import { Steward } from "./steward.ts";
import { loadAuthorities } from "./upstream/authorities.ts";

/** Shown to the controller and in its Proxy status. */
export const proxyVersion = "0.1.0";
/** Database protocols, by the engine's name in a Database object. The first one answers streams whose grant is not known. */
const engines: ReadonlyMap<string, Engine> = new Map([["PostgreSQL", postgresEngine]]);

/** What the outside world is; replaced in tests. */
export interface ProxyDeps {
  readonly clock?: Clock;
  readonly log?: Log;
  readonly fetch?: typeof globalThis.fetch;
  readonly readSecret?: ReadSecret;
  /** Where health.sock is made; the working directory by default. */
  readonly directory?: string;
}

/** A proxy that runs. */
export interface RunningProxy {
  readonly port: number;
  /** Ends everything in order: nobody new, tunnels told, sessions cut, journal shipped and closed. */
  stop(): Promise<void>;
}

/**
 * Starts the proxy of one ECS task. The hops in the order in which bytes meet them: listener, gate (handshake), session,
 * upstream; beside them the grants and the audit journal, which the link joins to the controller. Throws `UserError` for a
 * configuration that cannot work.
 */
export async function startProxy(env: Environment, deps: ProxyDeps = {}): Promise<RunningProxy> {
  const options = readOptions(env);
  const clock = deps.clock ?? systemClock;
  const fetch = deps.fetch ?? globalThis.fetch;
  const log = deps.log ?? jsonLog(options.logLevel, { proxy: options.proxy });
  const authorities = loadAuthorities(options.databaseCAFile);
  const task = await readTaskIdentity(options.metadataURL, fetch);
  const credentials = taskCredentials(options.credentials, clock);

  const journal = openJournal({
    directory: options.spoolDirectory,
    proxy: options.proxy,
    task: task.taskID,
    clock,
  });
  const crashed = await journal.closeCrashed();
  log.info("journal opened", { crashed, damage: journal.recovery.damage });

  const grants = new GrantTable(clock);
  const tickets = new TicketBook(clock, randomBytes);
  const health = new DatabaseHealth(clock, () => outbox.statusChanged());
  const sessions = new SessionRegistry(() => outbox.statusChanged());
  const outbox: Outbox = new Outbox(clock, () => ({
    type: "status",
    sessions: sessions.all().map(({ id, grantID, since }) => ({ session: id, grantID, since })),
    databases: health.report(),
  }));
  const contact = new ControllerContact(clock, () => steward.controllerLost());
  const passwords = new Passwords(deps.readSecret ?? secretsManager(options.region, credentials), clock);

  let isStopping = false;
  const gate = new Gate({
    engines,
    warnBeforeEndMs: () => contact.policy.warnBeforeEndMs,
    admission: {
      clock,
      log,
      installation: options.installation,
      proxy: options.proxy,
      grants,
      tickets,
      engines: new Set(engines.keys()),
      admits: () => contact.admits && !isStopping,
      verify: (proof, audience) => verifyProof(proof, audience, { sts: options.sts, clock, fetch }),
      randomBytes,
    },
    session: {
      clock,
      log,
      journal,
      sessions,
      authorities,
      taskARN: task.taskARN,
      passwordOf: (grant) => passwords.source(grant.role.secretARN),
      randomBytes,
      randomUUID,
      onHealth: (grant, state, detail, version) => health.learned(grant, state, detail, version),
    },
  });
  const steward: Steward = new Steward({ clock, log, grants, contact, tickets, sessions, gate, outbox });

  const link = new LinkClient({
    clock,
    log,
    installation: options.installation,
    proxy: options.proxy,
    controller: options.controller,
    taskARN: task.taskARN,
    version: proxyVersion,
    sts: options.sts,
    credentials,
    grants,
    contact,
    journal,
    outbox,
    random: Math.random,
  });
  const listener = await listenLoopback(options.listen.host, options.listen.port, (stream) => void gate.handle(stream));
  const stopHealth = await serveHealth(`${deps.directory ?? "."}/${healthSocketName}`, () => ({
    status: isStopping ? "stopping" : "ok",
    controller: link.connected ? "connected" : "lost",
    sessions: sessions.all().length,
  }));
  const linked = link.run();
  log.info("proxy is listening", { host: options.listen.host, port: listener.port, taskARN: task.taskARN });

  return {
    port: listener.port,
    async stop() {
      if (isStopping) {
        return;
      }
      isStopping = true;
      listener.close();
      await steward.stop();
      listener.destroyStreams();
      await steward.shipped(journal);
      link.stop();
      await linked;
      outbox.stop();
      contact.stop();
      stopHealth();
      journal.close();
      log.info("proxy has stopped", {});
    },
  };
}

/** Runs the proxy until SIGTERM (ECS stops the task) or SIGINT. Resolves with the process's exit code. */
export async function runProxy(env: Environment, deps: ProxyDeps = {}): Promise<number> {
  const running = await startProxy(env, deps);
  await new Promise<void>((resolve) => {
    process.once("SIGTERM", () => resolve());
    process.once("SIGINT", () => resolve());
  });
  await running.stop();
  return 0;
}

function secretsManager(region: string, credentials: ReturnType<typeof taskCredentials>): ReadSecret {
  const client = new SecretsManagerClient({ region, credentials: async () => credentials() });
  return async (secretARN) => (await client.send(new GetSecretValueCommand({ SecretId: secretARN }))).SecretString;
}
