import { once } from "node:events";
import { WebSocket } from "ws";
import { decodeMessage, encodeMessage, messageTypes, payloadTypes } from "./message.ts";
import type { ChannelMessage } from "./message.ts";
import { bareFrame, encodeFrame, FrameReader } from "./smux.ts";
import type { Frame } from "./smux.ts";

/** A stream URL and the token for it, as StartSession and ResumeSession answer. */
export interface Ticket {
  readonly StreamUrl?: string | undefined;
  readonly TokenValue?: string | undefined;
}

/**
 * A data-channel client for tests: obedient by default, and able to be rude: keep acknowledgements back, repeat, reorder,
 * speak before its turn. It keeps everything that the agent sent, in the order in which it came.
 */
export class TestClient {
  /** Every binary message that came in. */
  readonly received: ChannelMessage[] = [];
  /** IDs of streams that the agent has ended. */
  readonly ended = new Set<number>();
  /** Whether data is acknowledged. */
  acknowledges = true;
  /** Streamed bytes by stream ID, in pieces as they came. */
  readonly #streams = new Map<number, Buffer[]>();
  #socket: WebSocket | undefined;
  #sequence = 0;
  #expected = 0;
  readonly #early = new Map<number, ChannelMessage>();
  readonly #frames = new FrameReader();
  readonly #waiting = new Set<() => void>();

  /** Opens the websocket and says the token; resolves when the socket is open. */
  async open(ticket: Ticket, token = ticket.TokenValue): Promise<WebSocket> {
    const socket = new WebSocket(ticket.StreamUrl ?? "");
    this.#socket = socket;
    socket.on("message", (data: Buffer) => this.#take(decodeMessage(data)));
    await once(socket, "open");
    socket.send(JSON.stringify({ MessageSchemaVersion: "1.0", RequestId: "1", TokenValue: token, ClientId: "2" }));
    return socket;
  }

  /** Answers the handshake and waits for its completion. */
  async shakeHands(clientVersion = "1.2.0.0", status = 1): Promise<void> {
    await this.until(() => this.#has(payloadTypes.handshakeRequest));
    const action = { ActionType: "SessionType", ActionStatus: status, ActionResult: null, Error: "" };
    const response = { ClientVersion: clientVersion, ProcessedClientActions: [action], Errors: null };
    this.send(payloadTypes.handshakeResponse, Buffer.from(JSON.stringify(response)));
    await this.until(() => this.#has(payloadTypes.handshakeComplete) || this.closed() !== undefined);
  }

  /** Sends one sequenced message and returns its bytes, so that it can be sent again. */
  send(payloadType: number, payload: Buffer, sequenceNumber = this.#sequence): Buffer {
    this.#sequence = Math.max(this.#sequence, sequenceNumber + 1);
    const bytes = encodeMessage(draft(messageTypes.input, sequenceNumber, payloadType, payload));
    this.sendRaw(bytes);
    return bytes;
  }

  /** Sends bytes as they are. */
  sendRaw(bytes: Buffer): void {
    this.#socket?.send(bytes);
  }

  /** Opens a stream, sending `data` with it. */
  openStream(streamID: number, data = Buffer.alloc(0)): void {
    const frames = [encodeFrame(bareFrame("open", streamID)), encodeFrame({ command: "push", streamID, data })];
    this.send(payloadTypes.output, Buffer.concat(frames));
  }

  /** Sends one frame in a message of its own. */
  frame(frame: Frame): void {
    this.send(payloadTypes.output, encodeFrame(frame));
  }

  /** What the agent has sent on a stream. */
  bytes(streamID: number): Buffer {
    return Buffer.concat(this.#streams.get(streamID) ?? []);
  }

  /** How many bytes the agent has sent on a stream. */
  byteCount(streamID: number): number {
    return (this.#streams.get(streamID) ?? []).reduce((sum, piece) => sum + piece.length, 0);
  }

  /** Resolves when the agent's end has taken in all that was sent before, and its answers of that moment have come. */
  async ping(): Promise<void> {
    if (this.#socket !== undefined) {
      this.#socket.ping();
      await once(this.#socket, "pong");
    }
  }

  /** Numbers of our messages that the agent has acknowledged, in order of arrival. */
  acknowledged(): number[] {
    return this.received
      .filter((message) => message.messageType === messageTypes.acknowledge)
      .map((message) => Number(json(message)["AcknowledgedMessageSequenceNumber"]));
  }

  /** Content of channel_closed, once it came. */
  closed(): Record<string, unknown> | undefined {
    const message = this.received.find((one) => one.messageType === messageTypes.channelClosed);
    return message === undefined ? undefined : json(message);
  }

  /** Values of the flags that the agent has sent. */
  flags(): number[] {
    return this.received
      .filter((message) => message.payloadType === payloadTypes.flag)
      .map((message) => message.payload.readUInt32BE(0));
  }

  /** Resolves when `done` is true; it is asked now and after each message. */
  until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (done()) {
          this.#waiting.delete(look);
          resolve();
        }
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Acknowledges everything that came in so far, as after `acknowledges = false`. */
  acknowledgeAll(): void {
    for (const message of this.received.filter((one) => one.messageType === messageTypes.output)) {
      this.#acknowledge(message);
    }
  }

  close(): void {
    this.#socket?.terminate();
  }

  #take(message: ChannelMessage): void {
    this.received.push(message);
    if (message.messageType === messageTypes.output) {
      if (this.acknowledges) {
        this.#acknowledge(message);
      }
      this.#early.set(message.sequenceNumber, message);
      for (let next = this.#early.get(this.#expected); next !== undefined; next = this.#early.get(this.#expected)) {
        this.#early.delete(this.#expected);
        this.#expected += 1;
        this.#inOrder(next);
      }
    }
    for (const look of this.#waiting) {
      look();
    }
  }

  #inOrder(message: ChannelMessage): void {
    if (message.payloadType !== payloadTypes.output) {
      return;
    }
    for (const { command, streamID, data } of this.#frames.read(message.payload)) {
      if (command === "push") {
        this.#streams.set(streamID, [...(this.#streams.get(streamID) ?? []), data]);
      } else if (command === "end") {
        this.ended.add(streamID);
      }
    }
  }

  #acknowledge(message: ChannelMessage): void {
    const content = {
      AcknowledgedMessageType: message.messageType,
      AcknowledgedMessageId: message.messageID,
      AcknowledgedMessageSequenceNumber: message.sequenceNumber,
      IsSequentialMessage: true,
    };
    this.sendRaw(encodeMessage(draft(messageTypes.acknowledge, 0, 0, Buffer.from(JSON.stringify(content)), 3)));
  }

  #has(payloadType: number): boolean {
    return this.received.some((message) => message.payloadType === payloadType);
  }
}

function draft(
  messageType: string,
  sequenceNumber: number,
  payloadType: number,
  payload: Buffer,
  flags = 0,
): ChannelMessage {
  const messageID = "00112233-4455-6677-8899-aabbccddeeff";
  return { messageType, createdDate: 1_700_000_000_000, sequenceNumber, flags, messageID, payloadType, payload };
}

function json(message: ChannelMessage): Record<string, unknown> {
  return JSON.parse(message.payload.toString()) as Record<string, unknown>;
}
