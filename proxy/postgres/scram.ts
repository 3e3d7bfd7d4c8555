import { createHash, createHmac, pbkdf2, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Secret } from "#lib/secret.ts";
import { ProtocolViolation } from "./protocol.ts";

const derive = promisify(pbkdf2);

/**
 * Most rounds of PBKDF2 that a server may ask for. Servers use 4,096 by default; 1,000,000 is about half a second of CPU,
 * and an unbounded count would let a server burn it (pgjdbc CVE-2026-42198).
 */
export const scramIterationsMax = 1_000_000;
/** RFC 7677 asks servers for at least this many; fewer would make a stolen exchange cheap to break. */
const scramIterationsMin = 4_096;
const saltBytesMax = 1_024;

/** How a login is bound to the TLS connection that carries it (RFC 5929, `tls-server-end-point`). */
export type ChannelBinding =
  /** The server offers SCRAM-SHA-256-PLUS and the certificate's hash is known: bound. */
  | { readonly kind: "bound"; readonly data: Buffer }
  /** The client could bind, and the server did not offer it. Signed, so a stripped offer is found out. */
  | { readonly kind: "offered-by-client" }
  | { readonly kind: "none" };

/** The client's side of one SCRAM-SHA-256 exchange (RFC 5802, RFC 7677). */
export class ScramClient {
  readonly #password: Secret;
  readonly #binding: ChannelBinding;
  readonly #nonce: string;
  #serverSignature: Buffer | undefined;

  /** `nonce` is printable ASCII without commas, at least 18 random bytes' worth. */
  constructor(password: Secret, binding: ChannelBinding, nonce: string) {
    this.#password = password;
    this.#binding = binding;
    this.#nonce = nonce;
  }

  get mechanism(): "SCRAM-SHA-256-PLUS" | "SCRAM-SHA-256" {
    return this.#binding.kind === "bound" ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256";
  }

  /** client-first-message. Postgres takes the user name from the startup packet and ignores the one here. */
  first(): string {
    return `${this.#gs2Header()}${this.#firstBare()}`;
  }

  /** client-final-message in answer to the server-first-message. Throws `ProtocolViolation`. */
  async final(serverFirst: string): Promise<string> {
    const attributes = readAttributes(serverFirst);
    const nonce = attributes.get("r") ?? "";
    const salt = Buffer.from(attributes.get("s") ?? "", "base64");
    const iterations = Number(attributes.get("i"));
    if (attributes.has("m") || !nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length) {
      throw new ProtocolViolation("SCRAM: the server's nonce does not continue ours");
    }
    if (salt.length === 0 || salt.length > saltBytesMax) {
      throw new ProtocolViolation("SCRAM: the server's salt is empty or too long");
    }
    if (!Number.isInteger(iterations) || iterations < scramIterationsMin || iterations > scramIterationsMax) {
      throw new ProtocolViolation(
        `SCRAM: the server asks for an iteration count outside ${scramIterationsMin} to ${scramIterationsMax}`,
      );
    }
    const salted = await derive(prepare(this.#password.reveal()), salt, iterations, 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const storedKey = createHash("sha256").update(clientKey).digest();
    const cbind = Buffer.concat([
      Buffer.from(this.#gs2Header(), "utf8"),
      this.#binding.kind === "bound" ? this.#binding.data : Buffer.alloc(0),
    ]);
    const withoutProof = `c=${cbind.toString("base64")},r=${nonce}`;
    const message = `${this.#firstBare()},${serverFirst},${withoutProof}`;
    const signature = hmac(storedKey, message);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    this.#serverSignature = hmac(hmac(salted, "Server Key"), message);
    return `${withoutProof},p=${proof.toString("base64")}`;
  }

  /** Checks the server-final-message: the server must know the password too. Throws `ProtocolViolation`. */
  verify(serverFinal: string): void {
    const signature = Buffer.from(readAttributes(serverFinal).get("v") ?? "", "base64");
    const expected = this.#serverSignature;
    if (expected === undefined || signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      throw new ProtocolViolation("SCRAM: the server did not prove that it knows the password");
    }
  }

  #gs2Header(): string {
    switch (this.#binding.kind) {
      case "bound":
        return "p=tls-server-end-point,,";
      case "offered-by-client":
        return "y,,";
      case "none":
        return "n,,";
    }
  }

  #firstBare(): string {
    return `n=,r=${this.#nonce}`;
  }
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text, "utf8").digest();
}

function readAttributes(message: string): Map<string, string> {
  return new Map(message.split(",").map((part) => [part.slice(0, 1), part[1] === "=" ? part.slice(2) : ""]));
}

/**
 * SASLprep (RFC 4013) as far as it changes anything: exotic spaces become a space, characters "mapped to nothing" vanish, and
 * the rest is NFKC. What it would prohibit is used as it stands, which is what the server does with such a password too.
 */
function prepare(password: string): string {
  if (/^[\x20-\x7e]*$/.test(password)) {
    return password;
  }
  return password
    .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu, " ")
    .replace(/\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u2060|[\ufe00-\ufe0f]|\ufeff/gu, "")
    .normalize("NFKC");
}
