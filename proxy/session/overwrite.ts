/**
 * Writes over bytes of a stream that lies in several parts: those that are held, then the chunk that came last. `at` counts from the
 * beginning of the chunk and is negative for what is held.
 */
export function overwriteParts(held: readonly Buffer[], chunk: Buffer, at: number, bytes: Buffer): void {
  let end = chunk.length;
  for (const part of [chunk, ...held.toReversed()]) {
    const start = end - part.length;
    const from = Math.max(at, start);
    const to = Math.min(at + bytes.length, end);
    if (from < to) {
      bytes.copy(part, from - start, from - at, to - at);
    }
    end = start;
  }
}
