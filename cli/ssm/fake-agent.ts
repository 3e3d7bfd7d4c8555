import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { decodeMessage, encodeMessage, payloadTypes, type Message } from "./message.ts";
import { frameHeader } from "./smux.ts";

/*
 * For the tests of this folder: a session service and its agent in one, as small as they can be. It keeps the session over
 * websockets that come and go, and has hooks for every kind of bad luck. It writes messages through this folder's codec, whose own
 * tests hold it to the vectors of the real one.
 */

/** What a test may change. All may be set while the agent runs. */
export interface FakeAgentBehaviour {
  /** Payload of the handshake request; undefined: none is sent. */
  handshake: unknown;
  /** Whether the handshake is completed after the client's answer. */
  completes: boolean;
  /** What the upgrade is answered with instead of a websocket. */
  refuseStatus: number | undefined;
  /** False: TCP connects, the upgrade is never answered. */
  upgrades: boolean;
  /** Whether a token opens a websocket; one that does not is answered with close 1003. */
  accepts: (token: string) => boolean;
  /** Whether this inbound message is thrown away unseen. */
  ignores: (message: Message) => boolean;
  /** Whether the acknowledgement of this sequence number is lost on the way. */
  losesAcknowledge: (sequence: number) => boolean;
  /** Whether the first sending of this sequence number is lost on the way. */
  losesMessage: (sequence: number) => boolean;
  /** Data of a stream. */
  onData: (streamID: number, bytes: Buffer) => void;
  onOpen: (streamID: number) => void;
  onFin: (streamID: number) => void;
}

/** The handshake request of a current agent. */
const portHandshake = {
  AgentVersion: "3.3.0.0",
  RequestedClientActions: [
    {
      ActionType: "SessionType",
      ActionParameters: {
        SessionType: "Port",
        Properties: { portNumber: "9432", localPortNumber: "0", type: "LocalPortForwarding" },
      },
    },
  ],
};

/** A running fake. */
export class FakeAgent {
  readonly behaviour: FakeAgentBehaviour;
  /** First frames, parsed, one for each websocket. */
  readonly hellos: Record<string, unknown>[] = [];
  /** Headers of each upgrade request. */
  readonly upgrades: NodeJS.Dict<string | string[]>[] = [];
  /** Every binary message that came in, in order. */
  readonly inbox: Message[] = [];
  /** Payloads of messages taken in order, by type. */
  readonly taken: { type: number; payload: Buffer }[] = [];
  readonly #http: Server;
  readonly #sockets = new Set<Socket>();
  readonly #websockets: WebSocketServer;
  readonly #unacknowledged = new Map<number, Buffer>();
  readonly #held = new Map<number, Message>();
  readonly #id = Buffer.alloc(16, 7);
  /** The websocket of the moment. */
  socket: WebSocket | undefined;
  #raw: Socket | undefined;
  #expected = 0;
  #next = 0;
  #inbound = Buffer.alloc(0);
  #timer: NodeJS.Timeout;
  #watchers: { ready: () => boolean; resolve: () => void }[] = [];

  constructor(behaviour: Partial<FakeAgentBehaviour>) {
    this.behaviour = {
      handshake: portHandshake,
      completes: true,
      refuseStatus: undefined,
      upgrades: true,
      accepts: () => true,
      ignores: () => false,
      losesAcknowledge: () => false,
      losesMessage: () => false,
      onData: (id, bytes) => this.sendData(id, bytes),
      onOpen: () => undefined,
      onFin: (id) => this.sendFrame("fin", id),
      ...behaviour,
    };
    this.#http = createServer();
    this.#websockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    this.#http.on("connection", (socket) => {
      socket.on("error", () => undefined);
      this.#sockets.add(socket);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        this.changed();
      });
    });
    this.#http.on("upgrade", (request, socket, head) => {
      this.upgrades.push(request.headers);
      this.changed();
      if (this.behaviour.refuseStatus !== undefined) {
        socket.end(`HTTP/1.1 ${this.behaviour.refuseStatus} No\r\nContent-Length: 0\r\n\r\n`);
      } else if (this.behaviour.upgrades) {
        this.#websockets.handleUpgrade(request, socket, head, (websocket) => this.#attach(websocket, socket as Socket));
      } else {
        // Read, or the end of the connection would go unseen.
        socket.resume().once("end", () => socket.destroy());
      }
    });
    this.#timer = setInterval(() => this.#resend(false), 50);
  }

  /** Listens on a free loopback port; resolves to the stream URL. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => void this.#http.listen(0, "127.0.0.1", resolve));
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}/v1/data-channel/ada-0123?role=publish_subscribe`;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** How many sockets are connected to the server. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Resolves as soon as `ready` holds; asked again whenever something comes in. */
  until(ready: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#watchers.push({ ready, resolve });
      this.changed();
    });
  }

  /** Asks those who wait in `until` again. */
  changed(): void {
    const due = this.#watchers.filter((watcher) => watcher.ready());
    this.#watchers = this.#watchers.filter((watcher) => !due.includes(watcher));
    for (const watcher of due) {
      watcher.resolve();
    }
  }

  /** Sends a sequenced message. */
  send(payloadType: number, payload: Buffer): void {
    const sequence = this.#next;
    this.#next += 1;
    const bytes = this.encode("output_stream_data", sequence, payloadType, payload);
    this.#unacknowledged.set(sequence, bytes);
    if (!this.behaviour.losesMessage(sequence)) {
      this.socket?.send(bytes);
    }
  }

  /** Sends a message that is not sequenced, or has a chosen number. */
  sendRaw(type: "channel_closed" | "output_stream_data" | "start_publication", payload: Buffer, sequence = 0): void {
    this.socket?.send(this.encode(type, sequence, type === "output_stream_data" ? payloadTypes.output : 0, payload));
  }

  encode(
    type: "channel_closed" | "output_stream_data" | "start_publication",
    sequence: number,
    payloadType: number,
    payload: Buffer,
  ): Buffer {
    return encodeMessage({
      type,
      createdTime: 1,
      sequence,
      flags: sequence === 0 ? 1 : 0,
      id: this.#id,
      payloadType,
      payload: [payload],
    });
  }

  sendFrame(command: "syn" | "fin" | "nop", streamID: number): void {
    this.send(payloadTypes.output, frameHeader(command, streamID));
  }

  /** Sends stream data in messages of at most 1,024 bytes. */
  sendData(streamID: number, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += 1016) {
      const piece = bytes.subarray(at, at + 1016);
      this.send(payloadTypes.output, Buffer.concat([frameHeader("data", streamID, piece.length), piece]));
    }
  }

  /** Writes bytes that are no websocket frame, as a faulty middlebox might. */
  breakWebsocket(): void {
    this.#raw?.write(Buffer.alloc(64, 0xff));
  }

  /** Sends the first half of a message and cuts the connection. */
  cutMidMessage(): void {
    // A binary frame of 1,144 bytes is announced.
    this.#raw?.write(Buffer.from([0x82, 126, 0x04, 0x78, 1, 2, 3]));
    this.#raw?.end();
    this.socket?.terminate();
  }

  /** Stops reading, without closing: the connection is dead but does not look it. */
  freeze(): void {
    this.#raw?.pause();
  }

  #attach(websocket: WebSocket, raw: Socket): void {
    websocket.on("error", () => undefined);
    websocket.once("message", (data) => {
      const hello = JSON.parse(String(data)) as Record<string, unknown>;
      this.hellos.push(hello);
      if (!this.behaviour.accepts(String(hello["TokenValue"]))) {
        websocket.close(1003, "Channel ada-0123: request to open data channel does not contain token.");
        this.changed();
        return;
      }
      this.socket = websocket;
      this.#raw = raw;
      websocket.on("message", (bytes) => this.#onMessage(bytes as Buffer));
      if (this.#next === 0 && this.behaviour.handshake !== undefined) {
        this.send(payloadTypes.handshakeRequest, Buffer.from(JSON.stringify(this.behaviour.handshake)));
      } else {
        this.#resend(true);
      }
      this.changed();
    });
  }

  #onMessage(bytes: Buffer): void {
    const message = decodeMessage(bytes);
    if (this.behaviour.ignores(message)) {
      return;
    }
    this.inbox.push(message);
    if (message.type === "acknowledge") {
      const { AcknowledgedMessageSequenceNumber: sequence } = JSON.parse(message.payload.toString()) as Record<
        string,
        number
      >;
      this.#unacknowledged.delete(sequence!);
    } else if (message.type === "input_stream_data") {
      this.#acknowledge(message);
      if (message.sequence >= this.#expected) {
        this.#held.set(message.sequence, message);
      }
      this.#take();
    }
    this.changed();
  }

  #acknowledge(message: Message): void {
    if (this.behaviour.losesAcknowledge(message.sequence)) {
      return;
    }
    const content = {
      AcknowledgedMessageType: message.type,
      AcknowledgedMessageId: "00000000-0000-4000-8000-000000000000",
      AcknowledgedMessageSequenceNumber: message.sequence,
      IsSequentialMessage: true,
    };
    const payload = [Buffer.from(JSON.stringify(content))];
    this.socket?.send(
      encodeMessage({
        type: "acknowledge",
        createdTime: 1,
        sequence: 0,
        flags: 3,
        id: this.#id,
        payloadType: 0,
        payload,
      }),
    );
  }

  #take(): void {
    for (;;) {
      const message = this.#held.get(this.#expected);
      if (message === undefined) {
        return;
      }
      this.#held.delete(this.#expected);
      this.#expected += 1;
      this.taken.push({ type: message.payloadType, payload: message.payload });
      if (message.payloadType === payloadTypes.handshakeResponse && this.behaviour.completes) {
        this.send(
          payloadTypes.handshakeComplete,
          Buffer.from(`{"HandshakeTimeToComplete":1,"CustomerMessage":"hello"}`),
        );
      }
      if (message.payloadType === payloadTypes.output) {
        this.#parse(message.payload);
      }
    }
  }

  #parse(payload: Buffer): void {
    this.#inbound = Buffer.concat([this.#inbound, payload]);
    for (;;) {
      const length = this.#inbound.length < 8 ? 0 : this.#inbound.readUInt16LE(2);
      if (this.#inbound.length < 8 + length) {
        return;
      }
      const [frame, id] = [this.#inbound[1], this.#inbound.readUInt32LE(4)];
      const data = this.#inbound.subarray(8, 8 + length);
      this.#inbound = this.#inbound.subarray(8 + length);
      if (frame === 0) {
        this.behaviour.onOpen(id);
      } else if (frame === 1) {
        this.behaviour.onFin(id);
      } else if (frame === 2) {
        this.behaviour.onData(id, data);
      }
    }
  }

  #resend(all: boolean): void {
    for (const bytes of this.#unacknowledged.values()) {
      this.socket?.send(bytes);
      if (!all) {
        return;
      }
    }
  }
}
