import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { coerceError, UserError } from "#lib/errors.ts";
import { type HeadSigner, keyIDOf } from "./head-line.ts";

/**
 * How often a task's head is signed by a key at hand, in milliseconds. A line of about 500 bytes a busy task and second is 40 MB a day.
 */
const localIntervalMs = 1_000;

/** Signs with an Ed25519 key that this process holds. */
export function localSigner(privateKey: KeyObject): HeadSigner {
  const publicKey = createPublicKey(privateKey);
  return {
    keyID: keyIDOf(publicKey),
    publicKeyPEM: String(publicKey.export({ type: "spki", format: "pem" })),
    intervalMs: localIntervalMs,
    sign: async (bytes) => sign(null, bytes, privateKey),
  };
}

/**
 * Loads the Ed25519 key at `path` (PKCS #8 in PEM), or makes one there, readable by its owner only. It appears whole or not
 * at all. Throws `UserError` when the file is there and is no such key: a new one would orphan everything signed before.
 */
export function loadSigningKey(path: string): HeadSigner {
  return localSigner(parseKey(path, readIfThere(path) ?? createKey(path)));
}

/** The same for a key that others share: it must be there. Throws `UserError` when it is not, or is no such key. */
export function readSigningKey(path: string): HeadSigner {
  const pem = readIfThere(path);
  if (pem === undefined) {
    throw new UserError("SigningKeyUnusable", `${path} is not there`, {
      why: "It is to hold the key that signs chain heads, the same for all replicas.",
      next: `Make one: openssl genpkey -algorithm ed25519 -out ${path}`,
    });
  }
  return localSigner(parseKey(path, pem));
}

function parseKey(path: string, pem: string): KeyObject {
  let cause: unknown;
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") {
      return key;
    }
  } catch (error) {
    cause = error;
  }
  throw new UserError("SigningKeyUnusable", `${path} holds no Ed25519 private key`, {
    why: "Signed chain heads can only be continued with the key that signed the ones before.",
    next: "Restore the file from its backup. Moving it away makes a new key, which vouches only for what comes after it.",
    cause,
  });
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (coerceError(error) instanceof Error && (error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

function createKey(path: string): string {
  const pem = String(generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }));
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.new`;
  const fd = openSync(temporary, "wx", 0o600);
  try {
    writeSync(fd, pem);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  try {
    // A link, unlike a rename, does not replace a key that another process has made meanwhile.
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw error;
    }
  } finally {
    rmSync(temporary, { force: true });
  }
  return readFileSync(path, "utf8");
}
