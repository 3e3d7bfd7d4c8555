/** Small chunks are joined up to this size: each has a cost of its own, and a client may send a message byte by byte. */
const partBytesMax = 16_384;

/** Keeps a chunk of a message that is not complete. */
export function appendPart(parts: Buffer[], chunk: Buffer): void {
  const last = parts.at(-1);
  if (last !== undefined && last.length + chunk.length <= partBytesMax) {
    parts[parts.length - 1] = Buffer.concat([last, chunk]);
  } else {
    parts.push(chunk);
  }
}
