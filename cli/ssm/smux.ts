import { ProtocolError } from "./protocol-error.ts";

/*
 * smux version 1 frames: version (1), command, payload length u16, stream id u32, both little-endian; payload for data only.
 */

/** Bytes before a frame's payload. */
const frameHeaderBytes = 8;

/** A client's first stream id; each next one is 2 higher, so that all are odd. */
export const firstStreamID = 3;

/** Commands: open a stream, end it, its data, keep-alive. Command 4, a window update, exists in version 2 only. */
const commands = { syn: 0, fin: 1, data: 2, nop: 3 } as const;

/** Writes a frame's header. `length` counts the payload that follows: 0 but for `data`, where it is at most 65,535. */
export function frameHeader(command: keyof typeof commands, streamID: number, length = 0): Buffer {
  const header = Buffer.allocUnsafe(frameHeaderBytes);
  header[0] = 1;
  header[1] = commands[command];
  header.writeUInt16LE(length, 2);
  header.writeUInt32LE(streamID, 4);
  return header;
}

/** Takes what a parser finds. */
export interface FrameSink {
  onData(streamID: number, bytes: Buffer): void;
  onFin(streamID: number): void;
}

/**
 * Reads frames from a byte stream that is cut anywhere. Data is handed on as it comes, without waiting for the whole
 * frame; it shares the memory of the chunk. Any frame that an agent never sends throws ProtocolError: among these the opening of
 * a stream, as only the client opens streams.
 */
export class FrameParser {
  readonly #sink: FrameSink;
  readonly #header = Buffer.alloc(frameHeaderBytes);
  #headerFilled = 0;
  #dataLeft = 0;
  #streamID = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Reads the next chunk of the stream. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      at += this.#dataLeft > 0 ? this.#takeData(chunk, at) : this.#takeHeader(chunk, at);
    }
  }

  #takeData(chunk: Buffer, at: number): number {
    const taken = Math.min(this.#dataLeft, chunk.length - at);
    this.#dataLeft -= taken;
    this.#sink.onData(this.#streamID, chunk.subarray(at, at + taken));
    return taken;
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const taken = Math.min(frameHeaderBytes - this.#headerFilled, chunk.length - at);
    chunk.copy(this.#header, this.#headerFilled, at, at + taken);
    this.#headerFilled += taken;
    if (this.#headerFilled === frameHeaderBytes) {
      this.#headerFilled = 0;
      this.#interpret();
    }
    return taken;
  }

  #interpret(): void {
    if (this.#header[0] !== 1) {
      throw new ProtocolError("smux frame of another version");
    }
    const streamID = this.#header.readUInt32LE(4);
    switch (this.#header[1]) {
      case commands.data:
        this.#streamID = streamID;
        this.#dataLeft = this.#header.readUInt16LE(2);
        return;
      case commands.fin:
        this.#sink.onFin(streamID);
        return;
      case commands.nop:
        return;
      case commands.syn:
        throw new ProtocolError("smux stream opened by the agent");
      default:
        throw new ProtocolError("smux frame with an unknown command");
    }
  }
}
