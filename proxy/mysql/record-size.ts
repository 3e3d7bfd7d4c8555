import { isUtf8 } from "node:buffer";
import type { ExecutionStart } from "./execution.ts";
import { heldMessageBytesMax } from "./limits.ts";

/** Below so many bytes nothing is estimated: escaped in the worst way (six bytes for one) it still is a record. */
const certainBytesMax = Math.floor(heldMessageBytesMax / 8);
/** Room for all that is not text or value: names, types, marks around each value. */
const bytesPerValue = 64;

/** Whether a statement's record would be larger than any may be. It could then not be written, so the statement must not run. */
export function isBeyondRecord({ sql, parameters = [], attributes = [] }: ExecutionStart): boolean {
  const values = parameters.length + attributes.length;
  let bytes = (sql?.length ?? 0) + values * bytesPerValue;
  for (const value of parameters) {
    bytes += value.bytes?.length ?? 0;
  }
  for (const value of attributes) {
    bytes += (value.bytes?.length ?? 0) + value.name.length;
  }
  if (bytes <= certainBytesMax) {
    return false;
  }
  let written = values * bytesPerValue + (sql === undefined ? 0 : writtenBytes(sql, false));
  for (const value of parameters) {
    written += value.bytes === null ? 0 : writtenBytes(value.bytes, value.binary);
  }
  for (const value of attributes) {
    written += writtenBytes(value.name, false) + (value.bytes === null ? 0 : writtenBytes(value.bytes, value.binary));
  }
  return written > heldMessageBytesMax - bytesPerValue * bytesPerValue;
}

/** Bytes of a text in JSON, or of bytes in base64. */
function writtenBytes(bytes: Buffer, isBinary: boolean): number {
  if (isBinary || !isUtf8(bytes)) {
    return Math.ceil(bytes.length / 3) * 4;
  }
  let written = bytes.length;
  for (const byte of bytes) {
    if (byte < 0x20) {
      written += 5;
    } else if (byte === 0x22 || byte === 0x5c) {
      written += 1;
    }
  }
  return written;
}
