import { crc32 } from "node:zlib";

/**
 * A frame on disk: 32-bit little-endian length of the payload, 32-bit little-endian CRC-32 (IEEE 802.3) of the payload, the
 * payload. A length of 0 is no frame, so that a run of zeros, as some file systems leave after a power loss, is none.
 */
export const frameHeaderBytes = 8;

/** Writes one frame into `target` at `offset`; returns the offset after it. The caller has made room. */
export function putFrame(target: Buffer, offset: number, payload: Uint8Array): number {
  target.writeUInt32LE(payload.byteLength, offset);
  target.writeUInt32LE(crc32(payload), offset + 4);
  target.set(payload, offset + frameHeaderBytes);
  return offset + frameHeaderBytes + payload.byteLength;
}

/** Payload of the frame at `offset`, a view into `bytes`; undefined when no whole and intact frame starts there. */
export function frameAt(bytes: Buffer, offset: number, payloadBytesMax: number): Buffer | undefined {
  const start = offset + frameHeaderBytes;
  if (start > bytes.length) {
    return undefined;
  }
  const length = bytes.readUInt32LE(offset);
  if (length === 0 || length > payloadBytesMax || start + length > bytes.length) {
    return undefined;
  }
  const payload = bytes.subarray(start, start + length);
  return crc32(payload) === bytes.readUInt32LE(offset + 4) ? payload : undefined;
}

/** Frames found in a stretch of bytes, and the stretches in between that hold none. */
export interface Scan {
  readonly payloads: readonly Buffer[];
  /** Bytes lost before an intact frame: damage in the middle, not a torn end. One entry a stretch. */
  readonly damagedBytes: readonly number[];
  /** Offset after the last intact frame. What follows it is torn. */
  readonly end: number;
}

/** Reads all frames from `offset` on. After a broken one it looks for the next intact one, so that damage costs no more. */
export function scanFrames(bytes: Buffer, offset: number, payloadBytesMax: number): Scan {
  const payloads: Buffer[] = [];
  const damagedBytes: number[] = [];
  let end = offset;
  for (let at = offset; at < bytes.length;) {
    const payload = frameAt(bytes, at, payloadBytesMax);
    if (payload === undefined) {
      at += 1;
      continue;
    }
    if (at > end) {
      damagedBytes.push(at - end);
    }
    payloads.push(payload);
    at += frameHeaderBytes + payload.length;
    end = at;
  }
  return { payloads, damagedBytes, end };
}
