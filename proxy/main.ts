import { openJournal } from "#audit/journal.ts";
import { systemClock } from "#lib/clock.ts";
import { jsonLog } from "#lib/log.ts";
import { assemble, type ProxyDeps } from "./assemble.ts";
import { readTaskIdentity } from "./link/task.ts";
import { healthSocketName, serveHealth } from "./listen/health.ts";
import { listenLoopback } from "./listen/listener.ts";
import { type Environment, readOptions } from "./options.ts";
import { loadAuthorities } from "./upstream/authorities.ts";

export type { ProxyDeps } from "./assemble.ts";

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
  const log = deps.log ?? jsonLog(options.logLevel, { proxy: options.proxy });
  const authorities = loadAuthorities(options.databaseCAFile);
  const task = await readTaskIdentity(options.metadataURL, deps.fetch ?? globalThis.fetch);
  const journal = openJournal({ directory: options.spoolDirectory, proxy: options.proxy, task: task.taskID, clock });
  const crashed = await journal.closeCrashed();
  log.info("journal opened", { crashed, damage: journal.recovery.damage });

  const parts = assemble({ options, clock, log, authorities, task, journal, deps });
  const { gate, link, sessions, steward, lifecycle, outbox, contact } = parts;
  const stopping = new AbortController();
  const leftEnded = parts.endLeft(stopping.signal);
  const probed = parts.prober.run(stopping.signal);
  const { host, port } = options.listen;
  const listener = await listenLoopback(host, port, (stream) => void gate.handle(stream));
  const stopHealth = await serveHealth(`${deps.directory ?? "."}/${healthSocketName}`, () => ({
    status: lifecycle.isStopping ? "stopping" : "ok",
    controller: link.connected ? "connected" : "lost",
    ready: link.wasConnected,
    sessions: sessions.all().length,
  }));
  const linked = link.run();
  log.info("proxy is listening", { host, port: listener.port, taskARN: task.taskARN });

  const stop = async (): Promise<void> => {
    lifecycle.isStopping = true;
    stopping.abort(new Error("the proxy stops"));
    listener.close();
    await steward.stop();
    listener.destroyStreams();
    await steward.shipped(journal);
    link.stop();
    await Promise.all([linked, leftEnded, probed]);
    outbox.stop();
    contact.stop();
    stopHealth();
    journal.close();
    log.info("proxy has stopped", {});
  };
  let stopped: Promise<void> | undefined;
  return { port: listener.port, stop: () => (stopped ??= stop()) };
}

/** Runs the proxy until SIGTERM (ECS stops the task) or SIGINT. Resolves with the process's exit code. */
export async function runProxy(env: Environment, deps: ProxyDeps = {}): Promise<number> {
  const running = await startProxy(env, deps);
  // Our timers keep no process alive; while it stops, nothing else may be left that does.
  const keepAlive = setInterval(() => {}, 60_000);
  await new Promise<void>((resolve) => {
    process.once("SIGTERM", () => resolve());
    process.once("SIGINT", () => resolve());
  });
  await running.stop();
  clearInterval(keepAlive);
  return 0;
}
