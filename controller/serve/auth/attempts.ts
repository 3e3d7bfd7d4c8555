import type { Clock } from "#lib/clock.ts";
import { HttpProblem } from "../route.ts";
import { networkOf } from "./network.ts";

/**
 * Attempts at one way of signing in, from one address. 50,000 people who begin work within ten minutes are 83 a second, and may all come from
 * one: through an address translation, a load balancer, or another replica.
 */
export const attemptsPerSecond = 100;
/** A team whose day begins with the same meeting. */
export const attemptsBurst = 200;
/**
 * How many addresses may do so at the same time. What an attempt costs is a signature check or a look into a map, below a millisecond: a flood
 * from many takes four tenths of one core, and it takes four addresses to keep others out.
 */
export const addressesAtOnce = 4;
/** Addresses that are told apart: 10,000 × about 100 bytes is 1 MB. Beyond it the one that tried longest ago begins anew. */
export const addressesMax = 10_000;

/** Bounds how often strangers may try: for each address, and for all together. */
export class Attempts {
  readonly #clock: Clock;
  #all: Bucket | undefined;
  /** By network; whoever tried longest ago comes first. */
  readonly #byNetwork = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one attempt from an address of the network layer; absent: one that nobody knows. Throws `HttpProblem` 429 when there were too many. */
  count(address: string | undefined): void {
    const nowMs = this.#clock.monotonicMs();
    this.#all ??= new Bucket(addressesAtOnce, nowMs);
    // One's own first: what is refused there takes nothing from the others.
    if (!this.#bucketOf(networkOf(address ?? ""), nowMs).take(nowMs) || !this.#all.take(nowMs)) {
      throw new HttpProblem(429, "TooManySignIns", "too many people are signing in at this moment", {
        next: "Try again in a few seconds.",
      });
    }
  }

  /** Networks that are told apart now. */
  get size(): number {
    return this.#byNetwork.size;
  }

  #bucketOf(network: string, nowMs: number): Bucket {
    const bucket = this.#byNetwork.get(network) ?? new Bucket(1, nowMs);
    this.#byNetwork.delete(network);
    for (const [other, { isFull }] of this.#byNetwork) {
      if (!isFull(nowMs) && this.#byNetwork.size < addressesMax) {
        break;
      }
      this.#byNetwork.delete(other);
    }
    this.#byNetwork.set(network, bucket);
    return bucket;
  }
}

/** A token bucket, by the clock that never goes back. */
class Bucket {
  readonly #most: number;
  readonly #perMs: number;
  #tokens: number;
  #filledMs: number;

  constructor(factor: number, nowMs: number) {
    this.#most = attemptsBurst * factor;
    this.#perMs = (attemptsPerSecond * factor) / 1_000;
    this.#tokens = this.#most;
    this.#filledMs = nowMs;
  }

  take(nowMs: number): boolean {
    this.#tokens = this.#tokensAt(nowMs);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) {
      return false;
    }
    this.#tokens -= 1;
    return true;
  }

  /** Whether it says no more than a new one would. */
  readonly isFull = (nowMs: number): boolean => this.#tokensAt(nowMs) >= this.#most;

  #tokensAt(nowMs: number): number {
    return Math.min(this.#most, this.#tokens + (nowMs - this.#filledMs) * this.#perMs);
  }
}
