import { WebSocket } from "ws";
import { pause, type CancelTimer, type Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import {
  type Challenge,
  type Duty,
  type FromController,
  type FromTask,
  type KillSession,
  linkMessageBytesMax,
  linkVersion,
  type SessionKilled,
} from "#wire/link.ts";
import { createProof, type ProofCredentials, type StsEndpoint } from "#wire/proof.ts";
import type { ControllerContact } from "../grants/contact.ts";
import type { GrantTable } from "../grants/table.ts";
import type { Outbox } from "./outbox.ts";
import { connectPinned, type KeyPin, PinMismatch } from "./pin.ts";
import { type ShippedJournal, Shipper } from "./shipper.ts";

/** Silence that counts as a lost link (wire/link.ts). */
export const linkSilenceMaxMs = 30_000;
/** From the connection to Accepted: the controller asks STS and ECS meanwhile. */
export const linkAcceptTimeoutMs = 30_000;
/** First pause before another try, and the longest. A controller that restarts is back within seconds; one pause is spread by half. */
export const reconnectMs = { first: 500, longest: 15_000 } as const;

/** What a link works with. */
export interface LinkPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly installation: string;
  readonly proxy: string;
  readonly controller: { readonly host: string; readonly port: number; readonly pin: KeyPin };
  readonly taskARN: string;
  /** Version of this software. */
  readonly version: string;
  readonly sts: StsEndpoint;
  readonly credentials: () => Promise<ProofCredentials>;
  readonly grants: GrantTable;
  readonly contact: ControllerContact;
  readonly journal: ShippedJournal;
  readonly outbox: Outbox;
  /** Whether this task is to take new sessions. */
  readonly onDuty: (duty: Duty) => void;
  /** Ends one session; resolves with what became of it. Never rejects. */
  readonly onKill: (kill: KillSession) => Promise<SessionKilled["outcome"]>;
  /** 0 up to 1. */
  readonly random: () => number;
}

/** Keeps one connection to the controller, for as long as the proxy runs. */
export class LinkClient {
  readonly #ports: LinkPorts;
  readonly #stop = new AbortController();
  #socket: WebSocket | undefined;
  #isAccepted = false;
  #wasAccepted = false;

  constructor(ports: LinkPorts) {
    this.#ports = ports;
  }

  /** Whether the controller has accepted this task and the link stands. */
  get connected(): boolean {
    return this.#isAccepted;
  }

  /** Whether the controller ever accepted this process. */
  get wasConnected(): boolean {
    return this.#wasAccepted;
  }

  /** Connects again and again until `stop`. Never rejects. */
  async run(): Promise<void> {
    const { clock, log, random } = this.#ports;
    let pauseMs: number = reconnectMs.first;
    while (!this.#stop.signal.aborted) {
      let wasAccepted = false;
      try {
        wasAccepted = await this.#connectOnce();
      } catch (thrown) {
        const error = coerceError(thrown);
        const level = error instanceof PinMismatch ? "error" : "warn";
        log[level]("link to the controller failed", { error });
      }
      pauseMs = wasAccepted ? reconnectMs.first : Math.min(pauseMs * 2, reconnectMs.longest);
      await pause(clock, pauseMs * (0.5 + random() / 2), this.#stop.signal).catch(() => {});
    }
  }

  stop(): void {
    this.#stop.abort(new Error("stopped"));
    this.#socket?.close();
  }

  /** One connection from start to end. Resolves with whether the controller had accepted it. */
  async #connectOnce(): Promise<boolean> {
    const { controller, clock } = this.#ports;
    const secure = await connectPinned(controller, clock);
    const host = controller.host.includes(":") ? `[${controller.host}]` : controller.host;
    const socket = new WebSocket(`wss://${host}:${controller.port}/v1/link`, {
      // The connection is there, and its key is checked: no other may be opened in its place.
      createConnection: (() => secure) as never,
      maxPayload: linkMessageBytesMax,
      followRedirects: false,
      handshakeTimeout: linkAcceptTimeoutMs,
      perMessageDeflate: false,
      // RFC 6455 (10.3) masks frames against intermediaries that read them; inside this TLS connection there is none, and a mask of zeros costs nothing.
      generateMask: (mask) => mask.fill(0),
    });
    this.#socket = socket;
    if (this.#stop.signal.aborted) {
      socket.terminate();
    }
    const conversation = new Conversation(socket, this.#ports, () => {
      this.#isAccepted = true;
      this.#wasAccepted = true;
    });
    try {
      return await conversation.over;
    } finally {
      this.#isAccepted = false;
      this.#socket = undefined;
    }
  }
}

/** What is said over one socket. */
class Conversation {
  /** Resolves with whether the controller had accepted the task; rejects with the reason of an early end. */
  readonly over: Promise<boolean>;
  readonly #socket: WebSocket;
  readonly #ports: LinkPorts;
  readonly #onAccepted: () => void;
  #shipper: Shipper | undefined;
  #isProving = false;
  #failure: Error | undefined;
  #cancelTimer: CancelTimer;

  constructor(socket: WebSocket, ports: LinkPorts, onAccepted: () => void) {
    this.#socket = socket;
    this.#ports = ports;
    this.#onAccepted = onAccepted;
    this.#cancelTimer = ports.clock.after(linkAcceptTimeoutMs, () =>
      this.#fail("the controller did not accept in time"),
    );
    socket.on("message", (data, isBinary) => {
      try {
        this.#receive(data as Buffer, isBinary);
      } catch (error) {
        this.#fail(coerceError(error).message);
      }
    });
    socket.on("error", (error) => {
      this.#failure ??= error;
    });
    this.over = new Promise((resolve, reject) => {
      socket.once("close", () => {
        this.#cancelTimer();
        const wasAccepted = this.#shipper !== undefined;
        this.#shipper?.stop();
        ports.outbox.disconnect();
        if (wasAccepted) {
          ports.log.warn("link to the controller is closed", { reason: this.#failure?.message });
          resolve(true);
        } else {
          reject(this.#failure ?? new Error("the controller closed the link"));
        }
      });
    });
  }

  #fail(message: string): void {
    this.#failure ??= new Error(message);
    this.#socket.terminate();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      throw new Error("the controller sent a binary message");
    }
    const message = JSON.parse(data.toString("utf8")) as FromController;
    const { type } = message;
    if (type === "challenge") {
      void this.#prove(message).catch((error: unknown) => this.#fail(coerceError(error).message));
      return;
    }
    if (type === "refused") {
      throw new Error(`the controller refuses this task: ${message.message}`);
    }
    if (type === "accepted") {
      this.#accept(message);
      return;
    }
    if (this.#shipper === undefined) {
      throw new Error("the controller spoke before it accepted");
    }
    this.#heard();
    switch (type) {
      case "grants":
        this.#ports.grants.applySnapshot(message.grants);
        return;
      case "grant":
        this.#ports.grants.apply(message.grant);
        return;
      case "duty":
        this.#ports.onDuty(message);
        return;
      case "kill":
        void this.#kill(message);
        return;
      case "audit-ack":
        this.#shipper.acknowledged(message.seq);
        return;
      case "ping":
        this.#send({ type: "pong", id: message.id, time: this.#time() });
        this.#ports.outbox.pinged();
        return;
      default:
        // A newer controller may say more; what is not known is not needed.
        return;
    }
  }

  async #kill(message: KillSession): Promise<void> {
    const outcome = await this.#ports.onKill(message);
    this.#send({ type: "killed", id: message.id, outcome });
  }

  async #prove(challenge: Challenge): Promise<void> {
    const { installation, proxy, taskARN, version, sts, credentials, clock } = this.#ports;
    if (this.#isProving) {
      throw new Error("the controller challenged twice");
    }
    this.#isProving = true;
    if (challenge.version !== linkVersion || challenge.installation !== installation) {
      throw new Error("the controller is of another installation or version");
    }
    const audience = { purpose: "link", installation, proxy, nonce: challenge.nonce } as const;
    const proof = await createProof(audience, await credentials(), sts, new Date(clock.now()));
    this.#send({ type: "prove", proxy, taskARN, version, proof, time: this.#time() });
  }

  #accept(message: Extract<FromController, { type: "accepted" }>): void {
    if (this.#shipper !== undefined || !this.#isProving) {
      throw new Error("the controller accepted out of turn");
    }
    const { journal, outbox, log, contact } = this.#ports;
    contact.heard(message.policy);
    if (message.auditAcknowledged > journal.writtenSeq) {
      log.error("controller has more audit records of this task than this task ever wrote", {
        acknowledged: message.auditAcknowledged,
        written: journal.writtenSeq,
      });
    }
    this.#shipper = new Shipper(journal, message.auditAcknowledged, {
      clock: this.#ports.clock,
      sendBatch: (batch) => this.#socket.send(batch),
      onFailed: (error) => this.#fail(`audit records cannot be read: ${error.message}`),
    });
    this.#onAccepted();
    this.#heard();
    outbox.connect((report) => this.#send(report), message.takesSpool);
    log.info("linked with the controller", {});
  }

  #heard(): void {
    this.#ports.contact.heard();
    this.#cancelTimer();
    this.#cancelTimer = this.#ports.clock.after(linkSilenceMaxMs, () => this.#fail("the controller fell silent"));
  }

  #send(message: FromTask): void {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify(message));
    }
  }

  #time(): string {
    return new Date(this.#ports.clock.now()).toISOString();
  }
}
