import type { Clock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { ByPerson } from "./by-person.ts";
import { digestOf, type Principal } from "../auth/tokens.ts";

/** The command opens the browser itself; a minute covers a slow start of it, and a link found later opens nothing. */
export const linkLifeMs = 60_000;
/** Links that one person may have unused at a time; the oldest goes first. */
export const linksPerPersonMax = 5;
/** Only signed-in people get links: 10,000 of them in one minute is every one of a large company. Beyond it the oldest goes. */
export const linksMax = 10_000;
const codeBytes = 32;

/** One-time links, each for the person who asked for it. Only the digest of a code is kept. */
export class ConsoleLinks {
  readonly #held = new Map<string, { principal: Principal; endsMs: number }>();
  readonly #byPerson = new ByPerson();
  readonly #clock: Clock;
  readonly #random: (bytes: number) => Uint8Array;

  constructor(clock: Clock, random: (bytes: number) => Uint8Array) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A code that signs a browser in as `principal`, once. */
  issue(principal: Principal): { code: Secret; lifeMs: number } {
    const nowMs = this.#clock.monotonicMs();
    for (const [digest, link] of this.#held) {
      // Insertion order is age order: the first young one ends the sweep.
      if (link.endsMs > nowMs && this.#held.size < linksMax) {
        break;
      }
      this.#take(digest);
    }
    const oldest = this.#byPerson.oldestBeyond(principal.userID, linksPerPersonMax);
    if (oldest !== undefined) {
      this.#take(oldest);
    }
    const code = Buffer.from(this.#random(codeBytes)).toString("base64url");
    const digest = digestOf(code);
    this.#held.set(digest, { principal, endsMs: nowMs + linkLifeMs });
    this.#byPerson.add(principal.userID, digest);
    return { code: new Secret(code), lifeMs: linkLifeMs };
  }

  /** Whose link it is, once; undefined when it is unknown, used or over. */
  redeem(code: string): Principal | undefined {
    const link = this.#take(digestOf(code));
    return link !== undefined && link.endsMs > this.#clock.monotonicMs() ? link.principal : undefined;
  }

  #take(digest: string): { readonly principal: Principal; readonly endsMs: number } | undefined {
    const link = this.#held.get(digest);
    if (link !== undefined) {
      this.#held.delete(digest);
      this.#byPerson.delete(link.principal.userID, digest);
    }
    return link;
  }
}
