import type { Clock } from "#lib/clock.ts";
import { formatNonce } from "#wire/proof.ts";
import { digestOf } from "../tokens.ts";
import { type IDTokenClaims, skewSeconds, tokenAgeMaxSeconds } from "./id-token.ts";

/** A person signs in at the issuer in between, with a second factor that must be found first. */
export const oidcNonceLifeMs = 10 * 60_000;
/** Given to anybody who asks: 10,000 × about 100 bytes is 1 MB, and 16 sign-ins a second. Beyond it the oldest is forgotten. */
export const oidcNoncesMax = 10_000;
/** A refreshed token may carry the nonce of the first one (OpenID Connect Core 12.2); a working day of those. */
export const redeemedLifeMs = 12 * 3_600_000;
/** Only people who signed in get here: 50,000 × about 200 bytes is 10 MB. */
export const redeemedMax = 50_000;
/** No token is believed when it is older. */
const usedLifeMs = (tokenAgeMaxSeconds + 2 * skewSeconds) * 1_000;
/** Tokens that the issuer signed in that time; beyond it nobody signs in, since a replay could not be told. */
export const usedMax = 100_000;
const nonceBytes = 24;

/** Entries in the order of their age, the oldest forgotten first. */
class Aging<V> {
  readonly #entries = new Map<string, { value: V; atMs: number }>();
  readonly #lifeMs: number;
  readonly #clock: Clock;

  constructor(lifeMs: number, clock: Clock) {
    this.#lifeMs = lifeMs;
    this.#clock = clock;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#clock.monotonicMs() - entry.atMs <= this.#lifeMs ? entry.value : undefined;
  }

  set(key: string, value: V): void {
    this.#entries.set(key, { value, atMs: this.#clock.monotonicMs() });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** How many are left once what is over, and what exceeds `most`, is forgotten. */
  sweep(most = Infinity): number {
    for (const [key, { atMs }] of this.#entries) {
      if (this.#clock.monotonicMs() - atMs <= this.#lifeMs && this.#entries.size < most) {
        break;
      }
      this.#entries.delete(key);
    }
    return this.#entries.size;
  }
}

/** Why a token that the issuer signed is not taken. */
export type Replay = "NonceUnknown" | "TokenUsed" | "TooMany";

/**
 * Lets each ID token in once, and only for a sign-in that began here: its nonce is one that we gave out and nobody used, or, for a token
 * that came by a refresh, one with which the same person signed in before. A token without a nonce is let in once all the same: the device
 * flow and refreshes have none, and its age is bounded.
 */
export class OnlyOnce {
  readonly #issued: Aging<true>;
  readonly #redeemed: Aging<string>;
  readonly #used: Aging<true>;
  readonly #random: (bytes: number) => Uint8Array;
  /** What was used before this process began is not known here: no token of that time is let in. */
  readonly #sinceMs: number;

  constructor(clock: Clock, random: (bytes: number) => Uint8Array) {
    this.#sinceMs = clock.now();
    this.#issued = new Aging(oidcNonceLifeMs, clock);
    this.#redeemed = new Aging(redeemedLifeMs, clock);
    this.#used = new Aging(usedLifeMs, clock);
    this.#random = random;
  }

  /** A nonce for one sign-in. */
  issue(): string {
    this.#issued.sweep(oidcNoncesMax);
    const nonce = formatNonce(this.#random(nonceBytes));
    this.#issued.set(nonce, true);
    return nonce;
  }

  /** Uses the token up. Undefined: it may pass. */
  take(token: string, { nonce, subject, issuedSeconds }: Omit<IDTokenClaims, "userName">): Replay | undefined {
    const digest = digestOf(token);
    if ((issuedSeconds + 1) * 1_000 <= this.#sinceMs || this.#used.get(digest) !== undefined) {
      return "TokenUsed";
    }
    if (this.#used.sweep() >= usedMax) {
      return "TooMany";
    }
    this.#used.set(digest, true);
    if (nonce === undefined) {
      return undefined;
    }
    if (this.#issued.get(nonce) !== undefined) {
      this.#issued.delete(nonce);
      this.#redeemed.sweep(redeemedMax);
      this.#redeemed.set(nonce, subject);
      return undefined;
    }
    return this.#redeemed.get(nonce) === subject ? undefined : "NonceUnknown";
  }
}
