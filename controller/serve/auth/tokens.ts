import { createHash } from "node:crypto";
import type { CancelTimer, Clock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";

/** As long as a presigned STS URL would live: a stolen token is worth no more than what it was exchanged for. */
export const tokenLifeMs = 15 * 60_000;
const tokenBytes = 32;
/** One token per command run: 50,000 held at once is 3,333 sign-ins a minute; beyond it the oldest people sign in again. */
export const tokensMax = 50_000;

/** Who a token stands for. Group membership is read again at sign-in only: at most 15 minutes old. */
export interface Principal {
  readonly userName: string;
  readonly userID: string;
  readonly displayName: string;
  readonly groups: readonly string[];
}

/** Bearer tokens of the control API. Only their SHA-256 is kept, in memory: a restart signs everybody out. */
export class Tokens {
  readonly #held = new Map<string, { principal: Principal; endsMs: number }>();
  readonly #clock: Clock;
  readonly #random: (bytes: number) => Uint8Array;

  constructor(clock: Clock, random: (bytes: number) => Uint8Array) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A token for `principal`, and how long it lives. */
  issue(principal: Principal): { token: Secret; lifeMs: number } {
    const nowMs = this.#clock.monotonicMs();
    for (const [digest, entry] of this.#held) {
      if (entry.endsMs > nowMs && this.#held.size < tokensMax) {
        break;
      }
      this.#held.delete(digest);
    }
    const token = Buffer.from(this.#random(tokenBytes)).toString("base64url");
    this.#held.set(digestOf(token), { principal, endsMs: nowMs + tokenLifeMs });
    return { token: new Secret(token), lifeMs: tokenLifeMs };
  }

  /** Calls `fire` once when `token` is over; without delay for one that is unknown. */
  whenOver(token: string, fire: () => void): CancelTimer {
    const endsMs = this.#held.get(digestOf(token))?.endsMs ?? 0;
    return this.#clock.after(endsMs - this.#clock.monotonicMs(), fire);
  }

  /** Who holds `token`; undefined when it is unknown or over. */
  find(token: string): Principal | undefined {
    const entry = this.#held.get(digestOf(token));
    return entry !== undefined && entry.endsMs > this.#clock.monotonicMs() ? entry.principal : undefined;
  }
}

/** What is kept in place of a token. Looking up a digest leaks nothing about a token by its timing. */
export function digestOf(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
