import { connect } from "node:net";
import type { Socket } from "node:net";
import type { CancelTimer, Clock } from "#lib/clock.ts";
import { bareFrame, encodeFrame, frameDataMaxBytes } from "./smux.ts";
import type { Frame } from "./smux.ts";

/** Where the agent dials for each stream. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** What the streams of one session need from it. */
export interface StreamsOptions {
  readonly clock: Clock;
  readonly destination: Destination;
  /** Sends bytes of the multiplexed stream to the client. */
  readonly send: (bytes: Buffer) => void;
  /** Whether the way to the client is full, so that nothing more may be read from the destination. */
  readonly full: () => boolean;
  /** A dial failed: the client is told by a flag besides the end of the stream. */
  readonly onDialFailed: (error: Error) => void;
  /** The destination has taken bytes again after `blocked` was true. */
  readonly onDrained: () => void;
  /** A stream opened or closed. */
  readonly onChange: () => void;
}

/**
 * Bytes accepted for destinations that have not taken them yet, over all streams of a session. The reference multiplexer
 * has one receive budget of 4 MiB per session and stops reading when it is used up; one slow stream can stall all.
 */
export const undrainedMaxBytes = 4 * 1024 * 1024;

/** Streams open at the same time in one session. A database client with a large pool opens a hundred. */
export const streamsMax = 1_024;

/** How long a destination may take for the last bytes of a stream that the client has ended, in ms. */
const lingerMs = 30_000;

const endFrame = (streamID: number): Buffer => encodeFrame(bareFrame("end", streamID));

/** The server side of the multiplexer: one TCP connection to the destination for each stream that the client opens. */
export class Streams {
  readonly #options: StreamsOptions;
  readonly #open = new Map<number, Socket>();
  /** Every socket that is not closed yet, those whose stream has ended included. */
  readonly #sockets = new Set<Socket>();
  #undrained = 0;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  /** Whether no more data may be taken from the client for now. */
  get blocked(): boolean {
    return this.#undrained >= undrainedMaxBytes;
  }

  /** Streams that are open. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Acts on one frame of the client. Frames of unknown streams and empty ones are ignored, as the reference does. */
  handle(frame: Frame): void {
    switch (frame.command) {
      case "open":
        this.#dial(frame.streamID);
        return;
      case "end":
        this.#endedByClient(frame.streamID);
        return;
      case "push":
        this.#write(frame);
        return;
      case "nop":
    }
  }

  /** Stops or resumes reading from every destination, as `full` says now. */
  applyBackPressure(): void {
    for (const socket of this.#open.values()) {
      if (this.#options.full()) {
        socket.pause();
      } else {
        socket.resume();
      }
    }
  }

  /** Closes every connection at once. */
  destroy(): void {
    this.#open.clear();
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  #dial(streamID: number): void {
    if (this.#open.has(streamID)) {
      return;
    }
    if (this.#open.size >= streamsMax) {
      this.#options.send(endFrame(streamID));
      return;
    }
    const socket = connect({ ...this.#options.destination, noDelay: true });
    this.#open.set(streamID, socket);
    this.#sockets.add(socket);
    this.#options.onChange();
    let connected = false;
    socket.on("connect", () => {
      connected = true;
    });
    socket.on("data", (bytes) => this.#read(streamID, socket, bytes));
    socket.on("end", () => this.#endedByDestination(streamID, socket));
    socket.on("error", (error) => {
      if (!connected) {
        this.#options.onDialFailed(error);
      }
    });
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#endedByDestination(streamID, socket);
    });
  }

  #read(streamID: number, socket: Socket, bytes: Buffer): void {
    if (this.#open.get(streamID) !== socket) {
      return;
    }
    for (let at = 0; at < bytes.length; at += frameDataMaxBytes) {
      const data = bytes.subarray(at, at + frameDataMaxBytes);
      this.#options.send(encodeFrame({ command: "push", streamID, data }));
    }
    if (this.#options.full()) {
      this.applyBackPressure();
    }
  }

  #write(frame: Frame): void {
    const socket = this.#open.get(frame.streamID);
    if (socket === undefined || frame.data.length === 0) {
      return;
    }
    const size = frame.data.length;
    this.#undrained += size;
    socket.write(frame.data, () => {
      const wasBlocked = this.blocked;
      this.#undrained -= size;
      if (wasBlocked && !this.blocked) {
        this.#options.onDrained();
      }
    });
  }

  /** A half-closed destination ends the stream both ways: smux version 1 knows no half-close and neither do the reference ends. */
  #endedByDestination(streamID: number, socket: Socket): void {
    if (this.#open.get(streamID) !== socket) {
      return;
    }
    this.#open.delete(streamID);
    this.#options.onChange();
    this.#options.send(endFrame(streamID));
    this.#finish(socket);
  }

  /** The client has forgotten the stream: what the destination still says is read and dropped. */
  #endedByClient(streamID: number): void {
    const socket = this.#open.get(streamID);
    if (socket === undefined) {
      return;
    }
    this.#open.delete(streamID);
    this.#options.onChange();
    socket.resume();
    this.#finish(socket);
  }

  #finish(socket: Socket): void {
    if (socket.destroyed) {
      return;
    }
    const cancel: CancelTimer = this.#options.clock.after(lingerMs, () => socket.destroy());
    socket.once("close", cancel);
    socket.destroySoon();
  }
}
