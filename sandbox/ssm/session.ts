import { createHash, timingSafeEqual } from "node:crypto";
import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import type { CancelTimer, Clock, EpochMs } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { uuid } from "../ids.ts";
import type { Random } from "../ids.ts";
import { Agent } from "./agent.ts";
import { corkTurn } from "./cork.ts";
import type { PortProperties } from "./handshake.ts";
import { encodeMessage, messageTypes } from "./message.ts";
import type { SessionTimes } from "./options.ts";

/** What a session is started with. */
export interface SessionStart {
  readonly sessionID: string;
  readonly accountID: string;
  readonly region: string;
  readonly targetName: string;
  readonly documentName: string;
  readonly reason: string | undefined;
  readonly ownerARN: string;
  readonly ownerUserID: string;
  readonly destination: { readonly host: string; readonly port: number };
  readonly properties: PortProperties;
}

/** As DescribeSessions shows it. */
export type SessionStatus = "Connecting" | "Connected" | "Disconnected" | "Terminated";

/** Who or what ended a session. */
export type SessionEnd = "Client" | "Request" | "TimedOut" | "TargetGone" | "AgentError";

/** What a session needs besides its start. */
export interface SessionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly times: SessionTimes;
  readonly payloadMaxBytes: number;
  /** The session's status changed, or one of its streams opened or closed. */
  readonly onChange: () => void;
}

/** Normal closure, RFC 6455 section 7.4.1. */
const normalClosure = 1000;

/**
 * Bytes waiting in a socket at which its client is taken for dead. Stream data is bounded by the agent; only
 * acknowledgements to a client that sends and never reads can reach this.
 */
const socketBufferMaxBytes = 32 * 1024 * 1024;

/**
 * One session: the agent, which lives as long as the session, and the client's websocket, which comes and goes. It ends by
 * the client's flag, by request, when idle, or at its maximum age.
 */
export class Session {
  readonly start: SessionStart;
  readonly startDate: EpochMs;
  readonly #deps: SessionDeps;
  readonly #agent: Agent;
  readonly #cancelMaximum: CancelTimer;
  #cancelIdle: CancelTimer | undefined;
  #cancelBounce: CancelTimer | undefined;
  #socket: WebSocket | undefined;
  #raw: Duplex | undefined;
  #tokenDigest: Buffer | undefined;
  #everAttached = false;
  #lastActivityAt: number;
  #endDate: EpochMs | undefined;
  #end: SessionEnd | undefined;
  #silent = false;
  /** Whether nothing comes through on the websocket that is open. */
  #isSwallowed = false;

  constructor(start: SessionStart, deps: SessionDeps) {
    const log = deps.log.with({ sessionID: start.sessionID });
    this.start = start;
    this.startDate = deps.clock.now();
    this.#deps = { ...deps, log };
    this.#lastActivityAt = deps.clock.monotonicMs();
    this.#agent = new Agent({
      ...this.#deps,
      destination: start.destination,
      properties: start.properties,
      transmit: (bytes) => this.#transmit(bytes),
      onActivity: () => {
        this.#lastActivityAt = deps.clock.monotonicMs();
      },
      onStreams: deps.onChange,
      onEnd: (by, output) => this.end(by === "client" ? "Client" : "AgentError", output),
    });
    this.#cancelMaximum = deps.clock.after(deps.times.maxDurationMs, () => {
      this.end("TimedOut", "The session reached its maximum duration.");
    });
    this.#watchIdle(deps.times.idleTimeoutMs);
  }

  get status(): SessionStatus {
    if (this.#end !== undefined) {
      return "Terminated";
    }
    if (this.#socket !== undefined) {
      return "Connected";
    }
    return this.#everAttached ? "Disconnected" : "Connecting";
  }

  /** When it ended; undefined while it lives. */
  get endDate(): EpochMs | undefined {
    return this.#endDate;
  }

  /** Why it ended; undefined while it lives. */
  get endedBy(): SessionEnd | undefined {
    return this.#end;
  }

  /** Streams open through the multiplexer. */
  get streamCount(): number {
    return this.#agent.streamCount;
  }

  /** A new token, good for one connection. The one before it is void. */
  issueToken(): string {
    const token = Buffer.from(this.#deps.random(96)).toString("base64");
    this.#tokenDigest = digest(token);
    return token;
  }

  /** Uses the token up. False when it is not the one that was issued last, or was used before. */
  redeemToken(token: string): boolean {
    const wanted = this.#tokenDigest;
    if (this.#end !== undefined || wanted === undefined || !timingSafeEqual(wanted, digest(token))) {
      return false;
    }
    this.#tokenDigest = undefined;
    return true;
  }

  /**
   * A client has proved its token on this websocket; it takes the place of any other. `raw` is the socket below it, if what is
   * sent within one turn of the event loop may leave in one write.
   */
  attach(socket: WebSocket, raw?: Duplex): void {
    this.#detach()?.close(normalClosure, "Replaced by a newer connection");
    this.#socket = socket;
    this.#raw = raw;
    this.#everAttached = true;
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (isBinary && this.#socket === socket && !this.#silent) {
        this.#agent.receive(data);
      }
    });
    socket.on("close", () => {
      if (this.#socket === socket) {
        this.#detach();
      }
    });
    this.#cancelBounce = this.#deps.clock.after(this.#deps.times.bounceIntervalMs, () => this.bounce());
    this.#agent.attached();
    this.#deps.onChange();
  }

  /** Closes the websocket as the service does about each hour. The session lives on and waits for ResumeSession. */
  bounce(): void {
    this.#detach()?.close(normalClosure, "Bye");
  }

  /** Drops the websocket without a closing handshake, as a broken network does. */
  cut(): void {
    this.#detach()?.terminate();
  }

  /**
   * The network swallows what either side sends on the websocket that is open, and nobody is told: what a computer finds that slept. The
   * session lives on, and another websocket works.
   */
  swallow(): void {
    this.#isSwallowed = true;
    this.#socket?.pause();
  }

  /** The agent falls silent: its connections break and nobody tells the client, as when a host is lost. */
  silence(): void {
    this.#silent = true;
    this.#agent.destroy();
  }

  /** Ends the session. An attached client that did not ask for it is told by `channel_closed` with `output`. */
  end(by: SessionEnd, output: string): void {
    if (this.#end !== undefined) {
      return;
    }
    this.#end = by;
    this.#endDate = this.#deps.clock.now();
    this.#tokenDigest = undefined;
    this.#cancelMaximum();
    this.#cancelIdle?.();
    this.#agent.destroy();
    if (by !== "Client") {
      this.#transmit(this.#channelClosed(output));
    }
    this.#detach()?.close(normalClosure);
    this.#deps.log.info("session ended", { by, output });
    this.#deps.onChange();
  }

  #detach(): WebSocket | undefined {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isSwallowed = false;
    this.#cancelBounce?.();
    this.#deps.onChange();
    return socket;
  }

  #transmit(bytes: Buffer): void {
    const socket = this.#socket;
    if (socket === undefined || socket.readyState !== WebSocket.OPEN || this.#isSwallowed) {
      return;
    }
    if (socket.bufferedAmount > socketBufferMaxBytes) {
      this.#deps.log.warn("dropped a client that does not read");
      this.cut();
      return;
    }
    if (this.#raw !== undefined) {
      corkTurn(this.#raw);
    }
    socket.send(bytes);
  }

  /** Activity only notes the time; the timer looks at the note when it fires. */
  #watchIdle(inMs: number): void {
    const { clock, times } = this.#deps;
    this.#cancelIdle = clock.after(inMs, () => {
      const leftMs = this.#lastActivityAt + times.idleTimeoutMs - clock.monotonicMs();
      if (leftMs > 0) {
        this.#watchIdle(leftMs);
      } else {
        this.end("TimedOut", "The session timed out because it was idle.");
      }
    });
  }

  #channelClosed(output: string): Buffer {
    const now = this.#deps.clock.now();
    const messageID = uuid(this.#deps.random);
    const content = {
      MessageType: messageTypes.channelClosed,
      MessageId: messageID,
      DestinationId: this.start.targetName,
      SessionId: this.start.sessionID,
      SchemaVersion: 1,
      CreatedDate: new Date(now).toISOString(),
      Output: output,
    };
    return encodeMessage({
      messageType: messageTypes.channelClosed,
      createdDate: now,
      sequenceNumber: 0,
      flags: 0,
      messageID,
      payloadType: 0,
      payload: Buffer.from(JSON.stringify(content)),
    });
  }
}

/** Digests have one length whatever a client sends, so that they can be compared in constant time. */
function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
