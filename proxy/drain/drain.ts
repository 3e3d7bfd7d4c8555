import type { CancelTimer, Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import type { End } from "#wire/handshake.ts";
import type { SessionRegistry } from "../session/registry.ts";
import type { TaskProtection } from "./protection.ts";

/** What people are told whose tunnel is to move. */
export const drainMessage =
  "the proxy is being replaced: connections that are open stay until they end, new ones go to its successor";

/** What draining moves. */
export interface DrainPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly sessions: SessionRegistry;
  readonly protection: TaskProtection;
  /** Asks every tunnel to open another one for new connections. */
  readonly tellTunnels: (message: string) => void;
  readonly endTunnels: (end: End) => void;
  /** The controller is to be told. */
  readonly onChange: () => void;
}

/**
 * Gives a task's sessions time when the task goes. The controller says so before ECS may stop it (the task is protected while it has
 * sessions); SIGTERM says so when nothing holds ECS back any more. In both cases nobody new is let in, tunnels move to another task,
 * and what is left after the limit ends with its reason.
 */
export class Drain {
  readonly #ports: DrainPorts;
  #isAsked = false;
  #isStopping = false;
  #startedMs = 0;
  #cancelLimit: CancelTimer = () => {};
  #onEmpty: () => void = () => {};

  constructor(ports: DrainPorts) {
    this.#ports = ports;
  }

  /** Takes up the task's protection. */
  start(): void {
    this.#ports.protection.start();
  }

  /** Why ECS may stop this task though it has sessions. */
  get protectionProblem(): string | undefined {
    return this.#ports.protection.problem;
  }

  /** Whether nobody new is let in. */
  get isDraining(): boolean {
    return this.#isAsked || this.#isStopping;
  }

  /**
   * The controller's word. `serve` takes a `drain` back: a deployment that ECS undid keeps its old tasks. The limit counts from the first
   * `drain`, however often it is repeated.
   */
  duty(duty: "serve" | "drain", limitMs: number): void {
    const { clock, log, onChange } = this.#ports;
    this.#cancelLimit();
    if (duty === "serve") {
      if (this.#isAsked) {
        this.#isAsked = false;
        log.info("the task takes new sessions again", {});
        onChange();
      }
      return;
    }
    if (!this.#isAsked) {
      this.#isAsked = true;
      this.#startedMs = clock.monotonicMs();
      this.#begin("the controller");
    }
    const leftMs = limitMs - (clock.monotonicMs() - this.#startedMs);
    this.#cancelLimit = clock.after(Math.max(0, leftMs), () => void this.#limit());
  }

  /** Sessions came or went. */
  sessionsChanged(): void {
    const hasSessions = this.#ports.sessions.all().length > 0;
    this.#ports.protection.want(hasSessions, !hasSessions && this.isDraining);
    if (!hasSessions) {
      this.#onEmpty();
    }
  }

  /** The task is stopped: waits until its last session has ended by itself, for `limitMs` at most, or until `signal` aborts. */
  async stop(limitMs: number, signal: AbortSignal): Promise<void> {
    const { sessions, clock } = this.#ports;
    this.#isStopping = true;
    if (sessions.all().length === 0 || signal.aborted) {
      return;
    }
    this.#begin("ECS");
    await new Promise<void>((resolve) => {
      const cancelTimer = clock.after(limitMs, resolve);
      this.#onEmpty = () => {
        cancelTimer();
        resolve();
      };
      signal.addEventListener("abort", this.#onEmpty, { once: true });
    });
  }

  close(): void {
    this.#cancelLimit();
    this.#ports.protection.stop();
  }

  #begin(by: string): void {
    const { log, sessions, tellTunnels, onChange } = this.#ports;
    log.info("the task drains: nobody new is let in", { by, sessions: sessions.all().length });
    tellTunnels(drainMessage);
    onChange();
    this.sessionsChanged();
  }

  async #limit(): Promise<void> {
    const { log, sessions, endTunnels } = this.#ports;
    const message = "the proxy is being replaced and could wait no longer; connect again to reach its successor";
    endTunnels({ type: "end", reason: "drain", message });
    const outcome = await sessions.cutAll("drained", message);
    log.info("sessions beyond the drain limit are cut", { ...outcome });
  }
}
