import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from "node:crypto";
import type { Secret } from "#lib/secret.ts";

/** RFC 7677 4: at least 4,096. The password is random, so more would protect nothing. */
const iterations = 4_096;
const keyBytes = 32;

/** The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) for one password, without channel binding. */
export class ScramServer {
  readonly #salt: Buffer;
  readonly #storedKey: Buffer;
  readonly #serverKey: Buffer;
  readonly #nonce: () => string;

  /** `nonce` gives printable text without commas that was never given before. */
  constructor(password: Secret, salt: Buffer, nonce: () => string) {
    this.#nonce = nonce;
    this.#salt = salt;
    const salted = pbkdf2Sync(password.reveal(), this.#salt, iterations, keyBytes, "sha256");
    this.#storedKey = createHash("sha256").update(hmac(salted, "Client Key")).digest();
    this.#serverKey = hmac(salted, "Server Key");
  }

  /** Answers a client's first message; undefined for one that is not SCRAM, or wants channel binding. */
  begin(clientFirst: string): ScramExchange | undefined {
    // gs2-header: no channel binding, or none known of the server; the name after it is not used by PostgreSQL.
    const { header, bare, nonce } =
      /^(?<header>[ny],[^,]*,)(?<bare>n=[^,]*,r=(?<nonce>[\u0021-\u002b\u002d-\u007e]+)(?:,.*)?)$/.exec(clientFirst)
        ?.groups ?? {};
    if (header === undefined || bare === undefined || nonce === undefined) {
      return undefined;
    }
    const whole = nonce + this.#nonce();
    const serverFirst = `r=${whole},s=${this.#salt.toString("base64")},i=${iterations}`;
    return {
      serverFirst,
      finish: (clientFinal) => this.#finish(clientFinal, { header, whole, signed: `${bare},${serverFirst}` }),
    };
  }

  #finish(clientFinal: string, first: { header: string; whole: string; signed: string }): string | undefined {
    const { without, binding, nonce, proof } =
      /^(?<without>c=(?<binding>[^,]+),r=(?<nonce>[^,]+)(?:,.*)?),p=(?<proof>[^,]+)$/.exec(clientFinal)?.groups ?? {};
    if (without === undefined || nonce !== first.whole || binding !== Buffer.from(first.header).toString("base64")) {
      return undefined;
    }
    const message = `${first.signed},${without}`;
    const signature = hmac(this.#storedKey, message);
    const given = Buffer.from(proof ?? "", "base64");
    if (given.length !== signature.length) {
      return undefined;
    }
    const clientKey = Buffer.from(given.map((byte, index) => byte ^ (signature[index] ?? 0)));
    const storedKey = createHash("sha256").update(clientKey).digest();
    return timingSafeEqual(storedKey, this.#storedKey)
      ? `v=${hmac(this.#serverKey, message).toString("base64")}`
      : undefined;
  }
}

/** One sign-in under way. */
export interface ScramExchange {
  readonly serverFirst: string;
  /** The server's last message where the client's proves the password; undefined where it does not. */
  finish(clientFinal: string): string | undefined;
}

function hmac(key: Buffer, message: string): Buffer {
  return createHmac("sha256", key).update(message).digest();
}
