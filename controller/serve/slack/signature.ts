import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "#lib/clock.ts";
import type { Secret } from "#lib/secret.ts";

/** Slack: "Verifying requests from Slack" asks for five minutes. */
export const requestAgeMaxMs = 5 * 60_000;
/** Requests that are remembered. People press buttons: a thousand of them, ten times each in five minutes. */
export const requestsMax = 10_000;

/** A request as it came. */
export interface SignedRequest {
  readonly timestamp: string;
  readonly signature: string;
  /** Byte for byte. */
  readonly body: string;
}

/** Tells requests of Slack from everybody else's, each once. */
export class SlackRequests {
  /** Signatures that were accepted, and until when their requests are young; oldest first. */
  readonly #seen = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether one of the secrets signed the request, it is young, and it never came before. */
  accepts({ timestamp, signature, body }: SignedRequest, secrets: readonly Secret[]): boolean {
    const nowMs = this.#clock.now();
    const isYoung = /^\d{1,12}$/.test(timestamp) && Math.abs(nowMs - Number(timestamp) * 1_000) <= requestAgeMaxMs;
    if (!isYoung || !secrets.some((secret) => isSignedBy(secret, { timestamp, signature, body }))) {
      return false;
    }
    for (const [known, untilMs] of this.#seen) {
      if (untilMs >= nowMs) {
        break;
      }
      this.#seen.delete(known);
    }
    // Only Slack fills this. Beyond the limit it is refused, not forgotten: forgetting would let a request in twice.
    if (this.#seen.has(signature) || this.#seen.size >= requestsMax) {
      return false;
    }
    this.#seen.set(signature, nowMs + 2 * requestAgeMaxMs);
    return true;
  }
}

/** Slack: "Verifying requests from Slack": HMAC-SHA256 over version, timestamp and the raw body. */
function isSignedBy(secret: Secret, { timestamp, signature, body }: SignedRequest): boolean {
  const hmac = createHmac("sha256", secret.reveal()).update(`v0:${timestamp}:${body}`);
  const expected = Buffer.from(`v0=${hmac.digest("hex")}`);
  const given = Buffer.from(signature);
  return expected.byteLength === given.byteLength && timingSafeEqual(expected, given);
}
