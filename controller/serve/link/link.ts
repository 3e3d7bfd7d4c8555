import type { WebSocket } from "ws";
import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import {
  type CutReport,
  decodeAuditBatch,
  type FromController,
  type GrantsSnapshot,
  type LinkGrant,
  type LinkPolicy,
  linkVersion,
  type ProxyStatus,
} from "#wire/link.ts";
import { formatNonce } from "#wire/proof.ts";
import { authenticateTask, type ProvenTask, type TaskDirectory } from "./authenticate.ts";
import { readTaskMessage } from "./read-message.ts";

/** A task signs at once; a connection that does not is not a task. */
export const proveTimeoutMs = 15_000;
/** wire/link.ts: a ping every 10 s, silence of 30 s is a lost link. */
const pingPeriodMs = 10_000;
const silenceMaxMs = 30_000;
const nonceBytes = 24;
/** RFC 6455 7.4.1: 1008 policy violation, 1011 internal error. */
const policyViolation = 1008;
const internalError = 1011;

/** Where audit records of a task go. `ingest` resolves with the highest sequence that is stored for good. */
export interface AuditSink {
  acknowledged(proxyKey: string, taskID: string): Promise<number>;
  ingest(proxyKey: string, taskID: string, records: readonly Buffer[]): Promise<number>;
}

/** What a link needs from the rest of the controller. */
export interface LinkHost extends TaskDirectory {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: (bytes: number) => Uint8Array;
  readonly policy: LinkPolicy;
  readonly audit: AuditSink;
  /** The grants of that Proxy as they are now. */
  readonly grantsOf: (proxyKey: string) => readonly LinkGrant[];
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
  #task: ProvenTask | undefined;
  #version = "";
  #skewMs = 0;
  #proving = false;
  #heardMs: number;
  #pingID = 0;
  #cancelTimer: () => void;
  /** Batches are stored one after the other, in the order they came. */
  #ingesting: Promise<void> = Promise.resolve();

  constructor(socket: WebSocket, host: LinkHost) {
    this.#socket = socket;
    this.#host = host;
    this.#nonce = formatNonce(host.random(nonceBytes));
    this.#heardMs = host.clock.monotonicMs();
    this.#cancelTimer = host.clock.after(proveTimeoutMs, () =>
      this.#close(policyViolation, "no identity proof in time"),
    );
    socket.on("message", (data, binary) => this.#receive(data as Buffer, binary));
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

  send(message: FromController): void {
    if (this.#socket.readyState === this.#socket.OPEN) {
      this.#socket.send(JSON.stringify(message));
    }
  }

  /** Tells the task of one grant that changed. */
  sendGrant(grant: LinkGrant): void {
    this.send({ type: "grant", time: this.#time(), grant });
  }

  /** Ends the link; the task comes back by itself. */
  close(reason: string): void {
    this.#close(1001, reason);
  }

  #time(): string {
    return new Date(this.#host.clock.now()).toISOString();
  }

  #close(code: number, reason: string): void {
    this.#socket.close(code, reason.slice(0, 120));
    // A peer that does not answer the close must not hold the socket.
    this.#host.clock.after(proveTimeoutMs, () => this.#socket.terminate());
  }

  #gone(): void {
    this.#cancelTimer();
    if (this.#task !== undefined) {
      this.#host.onGone(this);
    }
  }

  #receive(data: Buffer, binary: boolean): void {
    this.#heardMs = this.#host.clock.monotonicMs();
    if (binary) {
      this.#ingest(data);
      return;
    }
    const message = readTaskMessage(data.toString("utf8"));
    if (message === undefined || (message.type === "prove") !== (this.#task === undefined)) {
      this.#close(policyViolation, "unexpected message");
      return;
    }
    switch (message.type) {
      case "prove":
        if (this.#proving) {
          this.#close(policyViolation, "proven twice");
          return;
        }
        this.#proving = true;
        this.#skewMs = Date.parse(message.time) - this.#host.clock.now();
        this.#version = message.version;
        void this.#admit(message).catch((error: unknown) => {
          this.#host.log.error("proxy link could not be checked", { error: coerceError(error) });
          this.#close(internalError, "the controller could not check this task");
        });
        return;
      case "pong":
        this.#skewMs = Date.parse(message.time) - this.#host.clock.now();
        return;
      case "cut":
        this.#host.onCut(this.#proven(), message);
        return;
      case "status":
        this.#host.onStatus(this.#proven(), message);
    }
  }

  async #admit(message: Parameters<typeof authenticateTask>[0]): Promise<void> {
    const result = await authenticateTask(message, this.#nonce, this.#host);
    if ("refused" in result) {
      this.#host.log.warn("proxy link refused", { proxy: message.proxy, task: message.taskARN, why: result.refused });
      this.send({ type: "refused", message: result.refused });
      this.#close(policyViolation, "refused");
      return;
    }
    const auditAcknowledged = await this.#host.audit.acknowledged(result.proxyKey, result.taskID);
    this.#task = result;
    this.send({ type: "accepted", time: this.#time(), policy: this.#host.policy, auditAcknowledged });
    // Registered before the snapshot: a change in between is sent twice rather than lost, and the proxy takes it twice.
    this.#host.onLinked(this);
    this.send(this.#snapshot(result.proxyKey));
    this.#cancelTimer();
    this.#schedulePing();
    this.#host.log.info("proxy linked", { proxy: result.proxyKey, task: result.taskARN, version: this.#version });
  }

  #snapshot(proxyKey: string): GrantsSnapshot {
    return { type: "grants", time: this.#time(), grants: this.#host.grantsOf(proxyKey) };
  }

  #schedulePing(): void {
    this.#cancelTimer = this.#host.clock.after(pingPeriodMs, () => {
      if (this.#host.clock.monotonicMs() - this.#heardMs > silenceMaxMs) {
        this.#socket.terminate();
        return;
      }
      this.#pingID += 1;
      this.send({ type: "ping", id: this.#pingID, time: this.#time() });
      this.#schedulePing();
    });
  }

  #ingest(data: Buffer): void {
    const task = this.#task;
    if (task === undefined) {
      this.#close(policyViolation, "audit before the identity proof");
      return;
    }
    this.#ingesting = this.#ingesting
      .then(async () => {
        const seq = await this.#host.audit.ingest(task.proxyKey, task.taskID, decodeAuditBatch(data));
        this.send({ type: "audit-ack", seq });
      })
      .catch((error: unknown) => {
        this.#host.log.error("audit batch could not be stored", { task: task.taskARN, error: coerceError(error) });
        this.#close(internalError, "audit could not be stored");
      });
  }

  #proven(): ProvenTask {
    if (this.#task === undefined) {
      throw new Error("a message of an unproven task got through");
    }
    return this.#task;
  }
}
