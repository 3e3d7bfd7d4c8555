/** A frame of smux version 1, the multiplexer inside a port session. */
export interface Frame {
  readonly command: FrameCommand;
  readonly streamID: number;
  /** Empty unless the command is `push`. */
  readonly data: Buffer;
}

/** open (SYN), end (FIN), push (PSH), nop (NOP). */
type FrameCommand = "open" | "end" | "push" | "nop";

/** Bytes that are not smux version 1. The session cannot go on: nobody knows where the next frame starts. */
export class FrameError extends Error {}

const version = 1;
const headerBytes = 8;
const noData = Buffer.alloc(0);
/** Position in the list is the command byte. */
const commands: readonly FrameCommand[] = ["open", "end", "push", "nop"];

/** Largest payload that the reference sender puts into a frame. Receivers take up to 65 535, the field's maximum. */
export const frameDataMaxBytes = 32_768;

/** Writes a frame: version, command, u16 little-endian length, u32 little-endian stream id, data. */
export function encodeFrame(frame: Frame): Buffer {
  const bytes = Buffer.alloc(headerBytes + frame.data.length);
  bytes.writeUInt8(version, 0);
  bytes.writeUInt8(commands.indexOf(frame.command), 1);
  bytes.writeUInt16LE(frame.data.length, 2);
  bytes.writeUInt32LE(frame.streamID, 4);
  frame.data.copy(bytes, headerBytes);
  return bytes;
}

/** Reads frames from a byte stream that is cut anywhere. It holds at most one frame, 65 543 bytes. */
export class FrameReader {
  #held: Buffer = noData;

  /** Takes more bytes and gives the frames that they complete. Throws FrameError; the reader is of no use afterwards. */
  read(bytes: Buffer): Frame[] {
    const all = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const frames: Frame[] = [];
    let at = 0;
    while (all.length - at >= headerBytes) {
      const command = commands[all.readUInt8(at + 1)];
      if (all.readUInt8(at) !== version || command === undefined) {
        throw new FrameError(`frame starts with ${all.toString("hex", at, at + 2)}, not a version 1 command`);
      }
      // Only a push carries data; the others ignore the field.
      const length = command === "push" ? all.readUInt16LE(at + 2) : 0;
      if (all.length - at < headerBytes + length) {
        break;
      }
      const streamID = all.readUInt32LE(at + 4);
      frames.push({ command, streamID, data: all.subarray(at + headerBytes, at + headerBytes + length) });
      at += headerBytes + length;
    }
    this.#held = at === all.length ? noData : Buffer.from(all.subarray(at));
    return frames;
  }
}

/** Frame without data. */
export function bareFrame(command: "open" | "end" | "nop", streamID: number): Frame {
  return { command, streamID, data: noData };
}
