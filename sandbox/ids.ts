import { createHash, randomBytes } from "node:crypto";

/** Gives `byteCount` random bytes. A test passes a seeded one to get the same identifiers each time. */
export type Random = (byteCount: number) => Uint8Array;

/** The machine's cryptographic randomness. */
export const systemRandom: Random = (byteCount) => randomBytes(byteCount);

const upperAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** `byteCount` random bytes as lower-case hexadecimal digits, two per byte. */
export function hex(random: Random, byteCount: number): string {
  return Buffer.from(random(byteCount)).toString("hex");
}

/** A random UUID (version 4), lower case. */
export function uuid(random: Random): string {
  return uuidOf(random(16));
}

/** Random UUIDs for messages, of which there are thousands a second: one call of the system's generator serves 256. */
export function uuids(random: Random): () => string {
  let pool: Uint8Array = new Uint8Array();
  return () => {
    if (pool.length === 0) {
      pool = random(16 * 256);
    }
    const id = uuidOf(pool.subarray(0, 16));
    pool = pool.subarray(16);
    return id;
  };
}

/** `length` characters of IAM's alphabet (`A`–`Z`, `2`–`7`). */
export function iamCharacters(random: Random, length: number): string {
  return Array.from(random(length), (byte) => upperAlphabet[byte % upperAlphabet.length]).join("");
}

/** An IAM unique identifier: four letters that say the kind (`AROA` role, `AIDA` user), then 17 characters. */
export function uniqueID(random: Random, prefix: "AROA" | "AIDA"): string {
  return prefix + iamCharacters(random, 17);
}

/** Randomness that depends on `seed` alone, so that the same seed organisation has the same identifiers on every start. */
export function randomFrom(seed: string): Random {
  let block = 0;
  return (byteCount) => {
    const parts: Buffer[] = [];
    for (let length = 0; length < byteCount; length += 32) {
      block += 1;
      parts.push(createHash("sha256").update(`${seed}\n${block}`).digest());
    }
    return Buffer.concat(parts).subarray(0, byteCount);
  };
}

/** The last twelve or sixteen hexadecimal digits that AWS puts into permission set and instance identifiers. */
export function identityCenterSuffix(random: Random): string {
  return hex(random, 8);
}

function uuidOf(bytes: Uint8Array): string {
  const copy = Buffer.from(bytes);
  copy[6] = ((copy[6] ?? 0) & 0x0f) | 0x40;
  copy[8] = ((copy[8] ?? 0) & 0x3f) | 0x80;
  const digits = copy.toString("hex");
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20, 32),
  ].join("-");
}
