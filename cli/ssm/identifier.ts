/** A source of unpredictable bytes, such as `node:crypto`'s `randomBytes`. */
export type Random = (byteCount: number) => Uint8Array;

/** Ids drawn at once: one call of the system's generator costs as much as making dozens of messages. */
const poolIDs = 256;

/** Makes message ids: version 4 UUIDs (RFC 9562 section 5.4) as their 16 bytes. */
export function createIdentifiers(random: Random): () => Buffer {
  let pool = Buffer.alloc(0);
  let at = 0;
  return () => {
    if (at === pool.length) {
      pool = Buffer.from(random(16 * poolIDs));
      at = 0;
    }
    const id = pool.subarray(at, at + 16);
    at += 16;
    id[6] = (id[6]! & 0x0f) | 0x40;
    id[8] = (id[8]! & 0x3f) | 0x80;
    return id;
  };
}

/** The usual dashed lower-case form of a UUID's 16 bytes. */
export function identifierText(id: Uint8Array): string {
  const hex = Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A number of [0, 1) made of 32 random bits, for jitter. */
export function fraction(random: Random): number {
  return Buffer.from(random(4)).readUInt32BE(0) / 2 ** 32;
}
