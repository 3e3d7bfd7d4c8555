import { createHash, timingSafeEqual } from "node:crypto";
import type { Secret } from "#lib/secret.ts";

/** Flags that the fields of a login depend on (MySQL protocol, "Capabilities Flags"). */
const flag = {
  connectWithDatabase: 0x8,
  tls: 0x800,
  pluginAuth: 0x80000,
  lengthEncoded: 0x200000,
} as const;
const nonceBytes = 20;

/** What a password is proven against. */
export interface MysqlChallenge {
  readonly plugin: string;
  readonly nonce: Buffer;
  /** Capability flags that were offered; undefined in a request to switch. */
  readonly flags: number;
}

/** Reads a greeting's body (MySQL protocol, "Protocol::HandshakeV10"); undefined for what is none. */
export function readChallenge(body: Buffer): MysqlChallenge | undefined {
  const versionEnd = body.indexOf(0, 1);
  const at = versionEnd + 5;
  if (body[0] !== 10 || versionEnd < 0 || body.length < at + 31 + 12) {
    return undefined;
  }
  const second = at + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10;
  const declared = body[second - 11] ?? 0;
  const end = second + Math.max(13, declared - 8);
  return {
    nonce: Buffer.concat([body.subarray(at, at + 8), body.subarray(second, second + 12)]),
    flags: (body.readUInt16LE(at + 9) | (body.readUInt16LE(at + 14) << 16)) >>> 0,
    plugin: textAt(body, Math.min(end, body.length)),
  };
}

/** Reads a request to use another plugin (MySQL protocol, "Protocol::AuthSwitchRequest"); undefined for what is none. */
export function readSwitch(body: Buffer): MysqlChallenge | undefined {
  const nameEnd = body.indexOf(0, 1);
  if (body[0] !== 0xfe || nameEnd < 0) {
    return undefined;
  }
  const nonce = body.subarray(nameEnd + 1, nameEnd + 1 + nonceBytes);
  return { plugin: textAt(body, 1), nonce, flags: 0 };
}

/** How a client proves its password. */
export interface MysqlAnswer {
  readonly plugin: string;
  readonly response: Buffer;
  readonly wantsTLS: boolean;
}

/** Reads a login's body (MySQL protocol, "Protocol::HandshakeResponse41") as the answer to `challenge`. */
export function readAnswer(body: Buffer, challenge: MysqlChallenge): MysqlAnswer {
  const none = { plugin: "", response: Buffer.alloc(0) };
  if (body.length < 33) {
    return { ...none, wantsTLS: body.length >= 4 && (body.readUInt32LE(0) & flag.tls) !== 0 };
  }
  const asked = body.readUInt32LE(0);
  // A flag that was not offered has no meaning.
  const has = (one: number): boolean => (asked & challenge.flags & one) !== 0;
  const userEnd = body.indexOf(0, 32);
  let at = userEnd + 1;
  const first = body[at] ?? 0;
  at += 1;
  let length = first;
  if (has(flag.lengthEncoded) && first === 0xfc && body.length >= at + 2) {
    length = body.readUInt16LE(at);
    at += 2;
  }
  const response = body.subarray(at, at + length);
  at += length;
  if (userEnd < 0 || response.length < length) {
    return { ...none, wantsTLS: (asked & flag.tls) !== 0 };
  }
  if (has(flag.connectWithDatabase)) {
    const end = body.indexOf(0, at);
    at = end < 0 ? body.length : end + 1;
  }
  return {
    // Clients that know no plugins have used this one.
    plugin: has(flag.pluginAuth) ? textAt(body, at) : "mysql_native_password",
    response,
    wantsTLS: (asked & flag.tls) !== 0,
  };
}

/**
 * Whether `response` proves the password by that plugin. Sources: MySQL internals, "Native Authentication" and "Caching_sha2_password
 * information"; in the clear it is the password and a NUL.
 */
export function isProof(plugin: string, response: Buffer, nonce: Buffer, password: Secret): boolean {
  const text = Buffer.from(password.reveal());
  switch (plugin) {
    case "mysql_native_password": {
      const hash = sha("sha1", text);
      return isSame(response, xor(hash, sha("sha1", nonce, sha("sha1", hash))));
    }
    case "caching_sha2_password": {
      const hash = sha("sha256", text);
      return isSame(response, xor(hash, sha("sha256", sha("sha256", hash), nonce)));
    }
    case "mysql_clear_password":
      return isSame(response, Buffer.concat([text, Buffer.alloc(1)]));
    default:
      return false;
  }
}

function sha(name: "sha1" | "sha256", ...parts: readonly Buffer[]): Buffer {
  return createHash(name).update(Buffer.concat(parts)).digest();
}

function xor(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((byte, index) => byte ^ (other[index] ?? 0)));
}

function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

function textAt(body: Buffer, at: number): string {
  const end = body.indexOf(0, at);
  return body.toString("latin1", at, end < 0 ? body.length : end);
}
