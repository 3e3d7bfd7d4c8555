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

interface Held {
  readonly principal: Principal;
  readonly endsMs: number;
  /** Told when the token is ended before its time. */
  readonly enders: Set<() => void>;
}

/** Bearer tokens of the control API. Only their SHA-256 is kept, in memory: a restart signs everybody out. */
export class Tokens {
  readonly #held = new Map<string, Held>();
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
    this.#held.set(digestOf(token), { principal, endsMs: nowMs + tokenLifeMs, enders: new Set() });
    return { token: new Secret(token), lifeMs: tokenLifeMs };
  }

  /** Calls `fire` once when `token` is over; without delay for one that is unknown. */
  whenOver(token: string, fire: () => void): CancelTimer {
    const held = this.#held.get(digestOf(token));
    const cancelTimer = this.#clock.after((held?.endsMs ?? 0) - this.#clock.monotonicMs(), fire);
    held?.enders.add(fire);
    return () => {
      cancelTimer();
      held?.enders.delete(fire);
    };
  }

  /** Ends `token` now, and what it opened; nothing where it is over already. */
  end(token: string): void {
    const digest = digestOf(token);
    const held = this.#held.get(digest);
    this.#held.delete(digest);
    for (const fire of held?.enders ?? []) {
      fire();
    }
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
