import type { Clock } from "#lib/clock.ts";
import { formatNonce } from "#wire/proof.ts";

/** A person signs right away; a minute covers a slow start of a credential helper. Equal to the life of the proof itself. */
export const nonceLifeMs = 60_000;
/** 24 bytes of randomness: not guessable, and short in a header. */
const nonceBytes = 24;
/**
 * Nonces are given to anybody who asks, so their number is bounded: 25,000 × about 100 bytes is 2.5 MB. As many as all addresses together may
 * ask for within their life (attempts.ts: 400 a second, and 800 at once), so that strangers push nobody's out.
 */
export const noncesMax = 25_000;

/** Gives out single-use nonces and takes each back once. */
export class Nonces {
  readonly #issued = new Map<string, number>();
  readonly #clock: Clock;
  readonly #random: (bytes: number) => Uint8Array;

  constructor(clock: Clock, random: (bytes: number) => Uint8Array) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A fresh nonce. */
  issue(): string {
    const nowMs = this.#clock.monotonicMs();
    for (const [nonce, issuedMs] of this.#issued) {
      // Insertion order is age order: the first young one ends the sweep.
      if (nowMs - issuedMs <= nonceLifeMs && this.#issued.size < noncesMax) {
        break;
      }
      this.#issued.delete(nonce);
    }
    const nonce = formatNonce(this.#random(nonceBytes));
    this.#issued.set(nonce, nowMs);
    return nonce;
  }

  /** Whether `nonce` was issued here, is fresh and was not used before. It is used from now on. */
  redeem(nonce: string): boolean {
    const issuedMs = this.#issued.get(nonce);
    this.#issued.delete(nonce);
    return issuedMs !== undefined && this.#clock.monotonicMs() - issuedMs <= nonceLifeMs;
  }
}
