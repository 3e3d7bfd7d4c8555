import type { CancelTimer, Clock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import type { TunnelLimits } from "./limits.ts";
import { FrameParser, firstStreamID, frameHeader } from "./smux.ts";
import { Stream, type StreamPorts } from "./stream.ts";

type MuxLimits = Pick<
  TunnelLimits,
  "payloadBytes" | "framePayloadBytes" | "streams" | "streamBufferBytes" | "headOfLineMs"
>;

/** What a mux works with, given by its owner. */
export interface MuxPorts {
  readonly clock: Clock;
  /** Whether the window takes more; after false, `pump` is called when it does. */
  readonly hasRoom: () => boolean;
  /** Sends one message's payload: at most `payloadBytes` in all pieces together. */
  readonly send: (payload: readonly Uint8Array[]) => void;
  /** Stops (true) or restarts the reading of everything the far end sends. */
  readonly holdInput: (held: boolean) => void;
}

interface Job {
  readonly stream: Stream;
  readonly chunks: Buffer[];
  readonly done: () => void;
}

/**
 * Carries streams over one ordered byte stream in each direction, as smux version 1's client side. Writers take turns, one
 * frame each. A stream whose consumer does not read first holds up all (the protocol has no other way to hold back its
 * sender), and is ended when it does so for `headOfLineMs` while others are open.
 */
export class Mux {
  readonly #ports: MuxPorts;
  readonly #limits: MuxLimits;
  readonly #streams = new Map<number, Stream>();
  readonly #unread = new Map<Stream, number>();
  readonly #parser: FrameParser;
  readonly #streamPorts: StreamPorts;
  #jobs: Job[] = [];
  #pumping = false;
  #nextID = firstStreamID;
  #connectErrors = 0;
  #ended: Error | undefined;
  #cancelPatience: CancelTimer | undefined;

  constructor(ports: MuxPorts, limits: MuxLimits) {
    this.#ports = ports;
    this.#limits = limits;
    this.#parser = new FrameParser({
      onData: (id, bytes) => this.#streams.get(id)?.receive(bytes),
      onFin: (id) => this.#onFin(id),
    });
    this.#streamPorts = {
      write: (stream, chunks, done) => this.#enqueue({ stream, chunks: [...chunks], done }),
      finish: (stream) => this.#finish(stream),
      onBuffered: (stream) => this.#onBuffered(stream),
      onDrained: (stream) => this.#release(stream),
    };
  }

  /** Streams open now. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** Opens a stream. Throws UserError when too many are open, and why the tunnel ended when it has. */
  open(): Stream {
    if (this.#ended !== undefined) {
      throw this.#ended;
    }
    if (this.#streams.size >= this.#limits.streams) {
      throw new UserError("TooManyConnections", "The tunnel carries as many connections as it can.", {
        why: `${this.#limits.streams} are open.`,
        next: "Close some, or lower the pool size of your database client.",
      });
    }
    const stream = new Stream(this.#nextID, this.#limits.streamBufferBytes, this.#streamPorts);
    this.#nextID += 2;
    this.#streams.set(stream.id, stream);
    this.#send([frameHeader("syn", stream.id)]);
    return stream;
  }

  /** Takes the next bytes of the far end's stream. Throws ProtocolError. */
  receive(bytes: Buffer): void {
    this.#parser.push(bytes);
  }

  /**
   * The agent could not connect to the port, for a stream that it does not name: it ends that stream next, before any data.
   */
  connectFailed(): void {
    this.#connectErrors += 1;
  }

  /** Sends what waits, as far as the window has room. */
  pump(): void {
    if (this.#pumping) {
      return;
    }
    this.#pumping = true;
    while (this.#jobs.length > 0 && this.#ports.hasRoom()) {
      const job = this.#jobs.shift()!;
      this.#sendFrame(job);
      if (job.chunks.length > 0) {
        this.#jobs.push(job);
      } else {
        job.done();
      }
    }
    this.#pumping = false;
  }

  /** The tunnel is over: streams end after what they have received (`cause` undefined) or fail with `cause`. */
  end(reason: Error, cause?: Error): void {
    if (this.#ended !== undefined) {
      return;
    }
    this.#ended = reason;
    const jobs = this.#jobs;
    this.#jobs = [];
    // Also for a closing tunnel, which must see the agent's last acknowledgement.
    for (const stream of this.#unread.keys()) {
      this.#release(stream);
    }
    for (const stream of this.#streams.values()) {
      if (cause === undefined) {
        stream.endOfInput();
      } else {
        stream.destroy(cause);
      }
    }
    this.#streams.clear();
    for (const job of jobs) {
      // The bytes are lost, as on a closed socket. An error here would take away what the consumer may still read.
      job.done();
    }
  }

  #enqueue(job: Job): void {
    if (this.#ended !== undefined) {
      job.done();
      return;
    }
    this.#jobs.push(job);
    this.pump();
  }

  #sendFrame(job: Job): void {
    const pieces: Buffer[] = [];
    let room = this.#limits.framePayloadBytes;
    while (room > 0 && job.chunks.length > 0) {
      const chunk = job.chunks[0]!;
      const piece = chunk.subarray(0, room);
      pieces.push(piece);
      room -= piece.length;
      if (piece.length === chunk.length) {
        job.chunks.shift();
      } else {
        job.chunks[0] = chunk.subarray(piece.length);
      }
    }
    const length = this.#limits.framePayloadBytes - room;
    if (length > 0) {
      this.#send([frameHeader("data", job.stream.id, length), ...pieces]);
    }
  }

  /** Cuts a frame into payloads. */
  #send(pieces: Buffer[]): void {
    let payload: Buffer[] = [];
    let room = this.#limits.payloadBytes;
    for (const piece of pieces) {
      let at = 0;
      while (at < piece.length) {
        const part = piece.subarray(at, at + room);
        payload.push(part);
        at += part.length;
        room -= part.length;
        if (room === 0) {
          this.#ports.send(payload);
          payload = [];
          room = this.#limits.payloadBytes;
        }
      }
    }
    if (payload.length > 0) {
      this.#ports.send(payload);
    }
  }

  #onFin(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      return;
    }
    if (this.#connectErrors > 0 && !stream.answered) {
      this.#connectErrors -= 1;
      stream.destroy(
        new UserError("ProxyPortUnreachable", "The tunnel works, but nothing answers at its far end.", {
          why: "The agent on the proxy's task could not connect to the proxy's port.",
          next: "Try again in a moment; if it stays so, ask an administrator to check the proxy's ECS service.",
        }),
      );
      return;
    }
    stream.endOfInput();
    // However much of it is unread, no more comes in: it holds up nobody.
    this.#release(stream);
  }

  #finish(stream: Stream): void {
    if (this.#streams.get(stream.id) !== stream) {
      return;
    }
    this.#streams.delete(stream.id);
    this.#jobs = this.#jobs.filter((job) => job.stream !== stream);
    this.#release(stream);
    if (this.#ended === undefined) {
      this.#send([frameHeader("fin", stream.id)]);
    }
  }

  #onBuffered(stream: Stream): void {
    const open = this.#streams.get(stream.id) === stream;
    if (!open || this.#ended !== undefined || stream.unreadBytes <= this.#limits.streamBufferBytes) {
      return;
    }
    if (this.#unread.size === 0) {
      this.#ports.holdInput(true);
      this.#armPatience();
    }
    this.#unread.set(stream, stream.unreadBytes);
  }

  #release(stream: Stream): void {
    if (this.#unread.delete(stream) && this.#unread.size === 0) {
      this.#cancelPatience?.();
      this.#ports.holdInput(false);
    }
  }

  #armPatience(): void {
    this.#cancelPatience = this.#ports.clock.after(this.#limits.headOfLineMs, () => {
      for (const [stream, unreadBytes] of this.#unread) {
        if (stream.unreadBytes < unreadBytes) {
          this.#unread.set(stream, stream.unreadBytes);
        } else if (this.#streams.size > 1) {
          stream.destroy(slowReader());
        }
      }
      if (this.#unread.size > 0) {
        this.#armPatience();
      }
    });
  }
}

function slowReader(): UserError {
  return new UserError("ConnectionNotRead", "A connection was closed because its program stopped reading.", {
    why: "It held up the other connections of the same tunnel.",
    next: "Connect again, and fetch large results in parts, or run two tunnels.",
  });
}
