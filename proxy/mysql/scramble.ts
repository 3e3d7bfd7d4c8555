import { createHash } from "node:crypto";
import type { Secret } from "#lib/secret.ts";

/** Names of the password methods that the proxy knows, as servers and clients spell them. */
export const plugin = {
  native: "mysql_native_password",
  sha2: "caching_sha2_password",
  clear: "mysql_clear_password",
  /** Of servers before MySQL 4.1: broken, refused. */
  old: "mysql_old_password",
} as const;

/** What proves the password to `mysql_native_password`: SHA1(p) xor SHA1(nonce + SHA1(SHA1(p))). Empty for no password. */
export function nativeResponse(password: Secret, nonce: Buffer): Buffer {
  return scramble("sha1", password, (stage2) => [nonce, stage2]);
}

/** What proves the password to `caching_sha2_password`: SHA256(p) xor SHA256(SHA256(SHA256(p)) + nonce). Empty for no password. */
export function sha2Response(password: Secret, nonce: Buffer): Buffer {
  return scramble("sha256", password, (stage2) => [stage2, nonce]);
}

function scramble(hash: "sha1" | "sha256", password: Secret, salted: (stage2: Buffer) => readonly Buffer[]): Buffer {
  const text = Buffer.from(password.reveal(), "utf8");
  if (text.length === 0) {
    return text;
  }
  const digest = (...parts: readonly Buffer[]): Buffer => createHash(hash).update(Buffer.concat(parts)).digest();
  const stage1 = digest(text);
  const mask = digest(...salted(digest(stage1)));
  return Buffer.from(stage1.map((byte, index) => byte ^ (mask[index] ?? 0)));
}

/** A password as it is, with the NUL that ends it on the wire. Only over verified TLS. */
export function clearResponse(password: Secret): Buffer {
  return Buffer.from(`${password.reveal()}\0`, "utf8");
}
