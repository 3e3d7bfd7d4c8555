import type { CancelTimer, Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { uuids } from "../ids.ts";
import type { Random } from "../ids.ts";
import { clientVersionProblem, handshakeRequest, readHandshakeResponse } from "./handshake.ts";
import type { PortProperties } from "./handshake.ts";
import { Inbox } from "./inbox.ts";
import { decodeMessage, encodeMessage, flagValues, MessageError, messageTypes, payloadTypes } from "./message.ts";
import type { ChannelMessage } from "./message.ts";
import { Outbox } from "./outbox.ts";
import { FrameError, FrameReader } from "./smux.ts";
import { Streams } from "./streams.ts";
import type { Destination } from "./streams.ts";

/** What the agent of one session is made of. */
export interface AgentOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly destination: Destination;
  readonly properties: PortProperties;
  /** Largest payload of a message, in bytes. */
  readonly payloadMaxBytes: number;
  /** Puts a message on the data channel; dropped while no client is attached. */
  readonly transmit: (bytes: Buffer) => void;
  /** Stream data went one way or the other: the session is not idle. */
  readonly onActivity: () => void;
  /** A stream opened or closed. */
  readonly onStreams: () => void;
  /** The agent ends the session. `by` is `client` when the client asked for it. */
  readonly onEnd: (by: "client" | "agent", output: string) => void;
}

/** The reference agent gives the client this long to answer the handshake, in ms. */
const handshakeTimeoutMs = 15_000;

/**
 * Unacknowledged bytes towards the client at which the agent stops reading from the destination: on loopback, a few times
 * what is in flight at full speed; it bounds the memory of a session whose client is gone or slow.
 */
const unackedMaxBytes = 4 * 1024 * 1024;

/** SYN and FIN together, which an acknowledgement carries. */
const acknowledgeFlags = 3;

/**
 * The simulated SSM agent for one port session: handshake, acknowledgements, retransmission and the multiplexer. It knows
 * nothing of sockets to the client, which come and go; whatever is not acknowledged is kept for the next one.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #nextID: () => string;
  readonly #inbox = new Inbox();
  readonly #outbox: Outbox;
  readonly #frames = new FrameReader();
  readonly #streams: Streams;
  #phase: "new" | "handshaking" | "ready" | "ended" = "new";
  #startedAt = 0;
  #cancelTimeout: CancelTimer | undefined;
  #pumping = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#nextID = uuids(options.random);
    this.#outbox = new Outbox({
      clock: options.clock,
      encode: (sequenceNumber, payloadType, payload) =>
        // The reference agent marks its first message with SYN.
        this.#encode(messageTypes.output, sequenceNumber, sequenceNumber === 0 ? 1 : 0, payloadType, payload),
      transmit: options.transmit,
      onRoom: () => this.#streams.applyBackPressure(),
      unackedMaxBytes,
    });
    this.#streams = new Streams({
      clock: options.clock,
      destination: options.destination,
      send: (bytes) => this.#sendStream(bytes),
      full: () => this.#outbox.full,
      onDialFailed: (error) => {
        options.log.debug("dial to the task failed", { error, ...options.destination });
        this.#sendFlag(flagValues.connectToPortError);
      },
      onDrained: () => this.#pump(),
      onChange: options.onStreams,
    });
  }

  /** Streams open now, for tests and the list of sessions. */
  get streamCount(): number {
    return this.#streams.openCount;
  }

  /** A client is attached: the first time the handshake begins; later, all that it may have missed is sent again. */
  attached(): void {
    if (this.#phase !== "new") {
      this.#outbox.resendAll();
      return;
    }
    this.#phase = "handshaking";
    this.#startedAt = this.#options.clock.monotonicMs();
    this.#cancelTimeout = this.#options.clock.after(handshakeTimeoutMs, () => {
      this.#end("agent", "The client did not answer the handshake in time.");
    });
    this.#sendJSON(payloadTypes.handshakeRequest, handshakeRequest(this.#options.properties));
  }

  /** Takes one binary message of the client. */
  receive(bytes: Buffer): void {
    if (this.#phase === "ended") {
      return;
    }
    let message: ChannelMessage;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      if (!(error instanceof MessageError)) {
        throw error;
      }
      this.#options.log.warn("dropped a message that the data channel does not allow", { reason: error.message });
      return;
    }
    if (message.messageType === messageTypes.acknowledge) {
      this.#acknowledged(message);
    } else if (message.messageType === messageTypes.input) {
      this.#received(message);
    }
  }

  /** Ends the agent without a word: connections to the destination are closed. */
  destroy(): void {
    this.#phase = "ended";
    this.#cancelTimeout?.();
    this.#outbox.close();
    this.#streams.destroy();
  }

  #received(message: ChannelMessage): void {
    if (this.#inbox.receive(message) === "acknowledge") {
      this.#sendAcknowledge(message);
    }
    this.#pump();
  }

  /** Deals with messages in sequence for as long as the destination takes their data. */
  #pump(): void {
    if (this.#pumping) {
      return;
    }
    this.#pumping = true;
    for (let message = this.#inbox.peek(); message !== undefined; message = this.#inbox.peek()) {
      if (this.#phase === "ended" || this.#streams.blocked || !this.#isExpected(message)) {
        break;
      }
      this.#options.onActivity();
      const mustAcknowledge = this.#inbox.done();
      // The acknowledgement goes out first: a client that gets HandshakeComplete earlier may hang.
      if (mustAcknowledge) {
        this.#sendAcknowledge(message);
      }
      this.#dealWith(message);
    }
    this.#pumping = false;
  }

  /** Before the handshake is answered nothing else is taken, nor acknowledged. */
  #isExpected(message: ChannelMessage): boolean {
    return this.#phase === "ready" || message.payloadType === payloadTypes.handshakeResponse;
  }

  #dealWith(message: ChannelMessage): void {
    switch (message.payloadType) {
      case payloadTypes.handshakeResponse:
        this.#handshakeAnswered(message.payload);
        return;
      case payloadTypes.output:
        this.#streamData(message.payload);
        return;
      case payloadTypes.flag:
        if (message.payload.length >= 4 && message.payload.readUInt32BE(0) === flagValues.terminateSession) {
          this.#end("client", "");
        }
        return;
      default:
        this.#options.log.debug("ignored a payload type", { payloadType: message.payloadType });
    }
  }

  #handshakeAnswered(payload: Buffer): void {
    if (this.#phase !== "handshaking") {
      return;
    }
    const response = readHandshakeResponse(payload);
    const problem = "problem" in response ? response.problem : clientVersionProblem(response.clientVersion);
    if (problem !== undefined) {
      this.#end("agent", problem);
      return;
    }
    this.#cancelTimeout?.();
    this.#phase = "ready";
    const tookMs = this.#options.clock.monotonicMs() - this.#startedAt;
    this.#sendJSON(payloadTypes.handshakeComplete, {
      // A Go duration: nanoseconds.
      HandshakeTimeToComplete: Math.round(tookMs * 1e6),
      CustomerMessage: "",
    });
  }

  #streamData(payload: Buffer): void {
    try {
      for (const frame of this.#frames.read(payload)) {
        this.#streams.handle(frame);
      }
    } catch (error) {
      if (!(error instanceof FrameError)) {
        throw error;
      }
      this.#end("agent", `The client broke the multiplexing protocol: ${error.message}.`);
    }
  }

  #acknowledged(message: ChannelMessage): void {
    const content = parseJSON(message.payload);
    const sequenceNumber = content["AcknowledgedMessageSequenceNumber"];
    if (typeof sequenceNumber === "number") {
      this.#outbox.acknowledge(sequenceNumber);
    }
  }

  #sendAcknowledge(message: ChannelMessage): void {
    const content = {
      AcknowledgedMessageType: message.messageType,
      AcknowledgedMessageId: message.messageID,
      AcknowledgedMessageSequenceNumber: message.sequenceNumber,
      IsSequentialMessage: true,
    };
    const payload = Buffer.from(JSON.stringify(content));
    this.#options.transmit(this.#encode(messageTypes.acknowledge, 0, acknowledgeFlags, 0, payload));
  }

  #sendStream(bytes: Buffer): void {
    this.#options.onActivity();
    for (let at = 0; at < bytes.length; at += this.#options.payloadMaxBytes) {
      this.#outbox.push(payloadTypes.output, bytes.subarray(at, at + this.#options.payloadMaxBytes));
    }
  }

  #sendFlag(value: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(value);
    this.#outbox.push(payloadTypes.flag, payload);
  }

  #sendJSON(payloadType: number, content: unknown): void {
    this.#outbox.push(payloadType, Buffer.from(JSON.stringify(content)));
  }

  #encode(messageType: string, sequenceNumber: number, flags: number, payloadType: number, payload: Buffer): Buffer {
    const createdDate = this.#options.clock.now();
    const messageID = this.#nextID();
    return encodeMessage({ messageType, createdDate, sequenceNumber, flags, messageID, payloadType, payload });
  }

  #end(by: "client" | "agent", output: string): void {
    this.destroy();
    this.#options.onEnd(by, output);
  }
}

function parseJSON(payload: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(payload.toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
