import type { WebSocket } from "ws";
import type { CancelTimer, Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import {
  type CutReport,
  type Duty,
  type FromController,
  type FromTask,
  type LinkGrant,
  type LinkPolicy,
  linkVersion,
  type KillSession,
  type ProveTask,
  type ProxyStatus,
  type SessionKilled,
} from "#wire/link.ts";
import { formatNonce } from "#wire/proof.ts";
import { authenticateTask, type ProvenTask, type TaskDirectory } from "./authenticate.ts";
import { type AuditSink, Ingestion } from "./ingestion.ts";
import { readTaskMessage } from "./read-message.ts";
import { liftUnproven } from "./unproven.ts";

export type { AuditSink } from "./ingestion.ts";

/** A task signs at once, and STS and ECS answer within their own time-outs; a connection that takes longer is not a task. */
export const proveTimeoutMs = 30_000;
/** wire/link.ts: a ping every 10 s, silence of 30 s is a lost link. */
export const pingPeriodMs = 10_000;
export const silenceMaxMs = 30_000;
/** What a closing peer may still take to answer. */
const closeTimeoutMs = 5_000;
/** A proxy gives up to see the backend go after 15 s (proxy/session/confirm.ts); an older one does not answer at all. */
export const killTimeoutMs = 20_000;
const nonceBytes = 24;
/** RFC 6455 7.4.1: 1001 going away, 1008 policy violation, 1011 internal error. RFC 6455 5.5: a close reason has at most 123 bytes. */
const goingAway = 1001;
const policyViolation = 1008;
const internalError = 1011;
const reasonCharactersMax = 120;

/** What a link needs from the rest of the controller. Whatever of it throws ends that link and nothing else. */
export interface LinkHost extends TaskDirectory {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: (bytes: number) => Uint8Array;
  readonly policy: LinkPolicy;
  readonly audit: AuditSink;
  /** The grants of that Proxy as they are now. */
  readonly grantsOf: (proxyKey: string) => readonly LinkGrant[];
  /** Whether that task takes new sessions, as its Proxy's status says. */
  readonly dutyOf: (task: ProvenTask) => Omit<Duty, "type">;
  readonly onLinked: (link: Link) => void;
  readonly onGone: (link: Link) => void;
  readonly onCut: (task: ProvenTask, report: CutReport) => void;
  readonly onStatus: (task: ProvenTask, status: ProxyStatus) => void;
}

/** One proxy task's connection, from its challenge to its end. */
export class Link {
  readonly #socket: WebSocket;
  readonly #host: LinkHost;
  readonly #nonce: string;
  readonly #ingestion: Ingestion;
  #task: ProvenTask | undefined;
  #version = "";
  #skewMs = 0;
  #isProving = false;
  #isClosing = false;
  #heardMs: number;
  #pingID = 0;
  /** What the task was told last. A task that was told nothing serves; one that was told on an earlier link says so itself. */
  #told: Omit<Duty, "type"> | undefined;
  #cancelTimer: CancelTimer;
  #killID = 0;
  readonly #kills = new Map<number, (outcome: SessionKilled["outcome"] | undefined) => void>();

  constructor(socket: WebSocket, host: LinkHost) {
    this.#socket = socket;
    this.#host = host;
    this.#nonce = formatNonce(host.random(nonceBytes));
    this.#heardMs = host.clock.monotonicMs();
    this.#ingestion = new Ingestion(host.audit, {
      stored: (seq) => this.send({ type: "audit-ack", seq }),
      failed: (error) => this.#fail("audit batch could not be stored", "audit could not be stored", error),
      full: () => socket.pause(),
      roomAgain: () => {
        // While it was paused nothing could be heard; that was ours, not the task's silence.
        this.#heardMs = host.clock.monotonicMs();
        socket.resume();
      },
    });
    this.#cancelTimer = host.clock.after(proveTimeoutMs, () =>
      this.#close(policyViolation, "no identity proof in time"),
    );
    socket.on("message", (data, binary) => this.#guarded(() => this.#receive(data as Buffer, binary)));
    socket.on("error", () => socket.terminate());
    socket.on("close", () => this.#gone());
    this.send({
      type: "challenge",
      version: linkVersion,
      installation: host.installation,
      nonce: this.#nonce,
      time: this.#time(),
    });
  }

  /** The task behind this link once it is proven. */
  get task(): ProvenTask | undefined {
    return this.#task;
  }
  get version(): string {
    return this.#version;
  }
  /** The task's wall clock minus ours, as of its last message. */
  get skewMs(): number {
    return this.#skewMs;
  }
  /** Whether its proof is being checked: it has done its part. */
  get isProving(): boolean {
    return this.#isProving;
  }

  send(message: FromController): void {
    if (this.#socket.readyState === this.#socket.OPEN) {
      this.#socket.send(JSON.stringify(message));
    }
  }

  /** Tells the task of one grant that changed. */
  sendGrant(grant: LinkGrant): void {
    this.send({ type: "grant", time: this.#time(), grant });
  }

  /** Tells the task its duty, where it is another one than it has. `isDraining` is what it has just said of itself. */
  sendDuty(isDraining = false): void {
    if (this.#task === undefined) {
      return;
    }
    if (isDraining) {
      this.#told ??= { duty: "drain", limitMs: Infinity };
    }
    const { duty, limitMs } = this.#host.dutyOf(this.#task);
    if (duty !== (this.#told?.duty ?? "serve") || (duty === "drain" && limitMs !== this.#told?.limitMs)) {
      this.#told = { duty, limitMs };
      this.send({ type: "duty", duty, limitMs });
    }
  }

  /** Has the task end one session. Resolves with undefined where it does not answer. Never rejects. */
  async killSession(kill: Omit<KillSession, "type" | "id">): Promise<SessionKilled["outcome"] | undefined> {
    if (this.#isClosing) {
      return undefined;
    }
    this.#killID += 1;
    const id = this.#killID;
    const { promise, resolve } = Promise.withResolvers<SessionKilled["outcome"] | undefined>();
    this.#kills.set(id, resolve);
    const cancel = this.#host.clock.after(killTimeoutMs, () => resolve(undefined));
    this.send({ type: "kill", id, ...kill });
    try {
      return await promise;
    } finally {
      cancel();
      this.#kills.delete(id);
    }
  }

  /** Ends the link; the task comes back by itself. */
  close(reason: string): void {
    this.#close(goingAway, reason);
  }

  #time(): string {
    return new Date(this.#host.clock.now()).toISOString();
  }

  #close(code: number, reason: string): void {
    if (this.#isClosing) {
      return;
    }
    // Nothing that arrives from now on counts.
    this.#isClosing = true;
    this.#ingestion.stop();
    this.#cancelTimer();
    // A paused socket would never see the peer's answer.
    this.#socket.resume();
    this.#socket.close(code, reason.slice(0, reasonCharactersMax));
    this.#cancelTimer = this.#host.clock.after(closeTimeoutMs, () => this.#socket.terminate());
  }

  #gone(): void {
    this.#isClosing = true;
    for (const unanswered of this.#kills.values()) {
      unanswered(undefined);
    }
    this.#ingestion.stop();
    this.#cancelTimer();
    if (this.#task !== undefined) {
      this.#guarded(() => this.#host.onGone(this));
    }
  }

  /** Runs what handles an event. Its failure is this link's end: an exception in an event handler would be the process's. */
  #guarded(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      this.#fail("proxy link failed", "the controller failed", error);
    }
  }

  #fail(what: string, told: string, error: unknown): void {
    this.#host.log.error(what, { task: this.#task?.taskARN, error: coerceError(error) });
    this.#close(internalError, told);
  }

  #receive(data: Buffer, binary: boolean): void {
    if (this.#isClosing) {
      return;
    }
    this.#heardMs = this.#host.clock.monotonicMs();
    if (binary) {
      if (this.#task === undefined) {
        this.#close(policyViolation, "audit before the identity proof");
      } else {
        this.#ingestion.take(this.#task, data);
      }
      return;
    }
    const message = readTaskMessage(data.toString("utf8"));
    if (message === undefined) {
      this.#close(policyViolation, "unexpected message");
    } else if (this.#task === undefined) {
      this.#prove(message);
    } else {
      this.#handle(this.#task, message);
    }
  }

  #prove(message: FromTask): void {
    if (message.type !== "prove" || this.#isProving) {
      this.#close(policyViolation, message.type === "prove" ? "proven twice" : "a message before the identity proof");
      return;
    }
    this.#isProving = true;
    this.#noteTime(message.time);
    this.#version = message.version;
    void this.#admit(message).catch((error: unknown) =>
      this.#fail("proxy link could not be checked", "the controller could not check this task", error),
    );
  }

  #handle(task: ProvenTask, message: FromTask): void {
    switch (message.type) {
      case "prove":
        this.#close(policyViolation, "proven twice");
        return;
      case "pong":
        this.#noteTime(message.time);
        return;
      case "cut":
        this.#host.onCut(task, message);
        return;
      case "killed":
        this.#kills.get(message.id)?.(message.outcome);
        return;
      case "status":
        this.sendDuty(message.draining);
        this.#host.onStatus(task, message);
    }
  }

  async #admit(message: ProveTask): Promise<void> {
    const result = await authenticateTask(message, this.#nonce, this.#host);
    if ("refused" in result) {
      this.#host.log.warn("proxy link refused", { proxy: message.proxy, task: message.taskARN, why: result.refused });
      this.send({ type: "refused", message: result.refused });
      this.#close(policyViolation, "refused");
      return;
    }
    const auditAcknowledged = await this.#host.audit.acknowledged(result.proxyKey, result.taskID);
    if (this.#isClosing) {
      // It went away meanwhile; registering it now would keep a link that never ends.
      return;
    }
    this.#task = result;
    liftUnproven(this.#socket);
    this.#cancelTimer();
    const { policy } = this.#host;
    this.send({ type: "accepted", time: this.#time(), policy, auditAcknowledged, takesSpool: true });
    // Registered before the snapshot: a change in between is sent twice rather than lost, and the proxy takes it twice.
    this.#host.onLinked(this);
    this.send({ type: "grants", time: this.#time(), grants: this.#host.grantsOf(result.proxyKey) });
    this.sendDuty();
    this.#schedulePing();
    this.#host.log.info("proxy linked", { proxy: result.proxyKey, task: result.taskARN, version: this.#version });
  }

  #noteTime(time: string): void {
    const skewMs = Date.parse(time) - this.#host.clock.now();
    this.#skewMs = Number.isNaN(skewMs) ? 0 : skewMs;
  }

  #schedulePing(): void {
    this.#cancelTimer = this.#host.clock.after(pingPeriodMs, () => {
      if (!this.#socket.isPaused && this.#host.clock.monotonicMs() - this.#heardMs > silenceMaxMs) {
        this.#socket.terminate();
        return;
      }
      this.#pingID += 1;
      this.send({ type: "ping", id: this.#pingID, time: this.#time() });
      this.#schedulePing();
    });
  }
}
