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
  /**
   * The task is to stop: lets nobody new in, sends tunnels elsewhere, and waits for the sessions that there are, as long as ECS gives time
   * and `signal` has not aborted. `stop` follows.
   */
  drain(signal: AbortSignal): Promise<void>;
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
  const { gate, link, sessions, steward, lifecycle, outbox, contact, drain } = parts;
  const stopping = new AbortController();
  const leftEnded = parts.endLeft(stopping.signal);
  const probed = parts.prober.run(stopping.signal);
  const { host, port } = options.listen;
  const listener = await listenLoopback(host, port, (stream) => void gate.handle(stream));
  const stopHealth = await serveHealth(`${deps.directory ?? "."}/${healthSocketName}`, () => ({
    status: lifecycle.isStopping ? "stopping" : drain.isDraining ? "draining" : "ok",
    controller: link.connected ? "connected" : "lost",
    ready: link.wasConnected,
    sessions: sessions.all().length,
  }));
  const linked = link.run();
  drain.start();
  log.info("proxy is listening", { host, port: listener.port, taskARN: task.taskARN });

  const stop = async (): Promise<void> => {
    lifecycle.isStopping = true;
    stopping.abort(new Error("the proxy stops"));
    listener.close();
    drain.close();
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
  return {
    port: listener.port,
    drain: (signal) => drain.stop(options.drainOnStopMs, signal),
    stop: () => (stopped ??= stop()),
  };
}

/**
 * Runs the proxy until SIGTERM (ECS stops the task), after which sessions are given time to end, or SIGINT, which ends it at once, as a
 * second SIGTERM does. Resolves with the process's exit code.
 */
export async function runProxy(env: Environment, deps: ProxyDeps = {}): Promise<number> {
  const running = await startProxy(env, deps);
  // Our timers keep no process alive; while it stops, nothing else may be left that does.
  const keepAlive = setInterval(() => {}, 60_000);
  const atOnce = new AbortController();
  await new Promise<void>((resolve) => {
    process.once("SIGTERM", () => {
      process.once("SIGTERM", () => atOnce.abort());
      resolve();
    });
    process.once("SIGINT", () => {
      atOnce.abort();
      resolve();
    });
  });
  await running.drain(atOnce.signal);
  await running.stop();
  clearInterval(keepAlive);
  return 0;
}
