import { createHash } from "node:crypto";
import type { Clock } from "#lib/clock.ts";

/** A ticket's life. Long enough that a refresh is rare, short enough that a stolen one is worth little. */
export const ticketLifeMaxMs = 15 * 60_000;
/** A control stream asks for a few tickets an hour; more than this many of one grant at a time is somebody's loop. */
export const ticketsPerGrantMax = 64;
const ticketBytes = 32;

/** A ticket as it is given out. It is a bearer secret: never logged, and kept here as a hash only. */
export interface IssuedTicket {
  readonly ticket: string;
  readonly lifeMs: number;
}

interface Held {
  readonly grantID: string;
  readonly client: string;
  readonly expiresMs: number;
}

/** Tickets of this task. They live in its memory, so no other task knows them, and none outlives the process. */
export class TicketBook {
  readonly #clock: Clock;
  readonly #randomBytes: (count: number) => Buffer;
  readonly #held = new Map<string, Held>();

  constructor(clock: Clock, randomBytes: (count: number) => Buffer) {
    this.#clock = clock;
    this.#randomBytes = randomBytes;
  }

  /** Gives out a ticket for a grant that has `remainingMs` left. */
  issue(grantID: string, client: string, remainingMs: number): IssuedTicket {
    this.#sweep(grantID);
    const ticket = this.#randomBytes(ticketBytes).toString("base64url");
    const lifeMs = Math.floor(Math.min(ticketLifeMaxMs, remainingMs));
    this.#held.set(hashOf(ticket), { grantID, client, expiresMs: this.#clock.monotonicMs() + lifeMs });
    return { ticket, lifeMs };
  }

  /** The grant that a ticket is for; undefined for one that is unknown, run out or revoked. */
  check(ticket: string): { readonly grantID: string; readonly client: string } | undefined {
    // Looking up the hash tells nobody how much of a guess was right.
    const held = this.#held.get(hashOf(ticket));
    return held !== undefined && held.expiresMs > this.#clock.monotonicMs() ? held : undefined;
  }

  /** A grant is over: its tickets are worthless at once. */
  revoke(grantID: string): void {
    for (const [hash, held] of this.#held) {
      if (held.grantID === grantID) {
        this.#held.delete(hash);
      }
    }
  }

  /** Forgets what ran out, and the oldest of a grant that holds too many. */
  #sweep(grantID: string): void {
    const now = this.#clock.monotonicMs();
    const ofGrant: string[] = [];
    for (const [hash, held] of this.#held) {
      if (held.expiresMs <= now) {
        this.#held.delete(hash);
      } else if (held.grantID === grantID) {
        ofGrant.push(hash);
      }
    }
    for (const hash of ofGrant.slice(0, Math.max(0, ofGrant.length - ticketsPerGrantMax + 1))) {
      this.#held.delete(hash);
    }
  }
}

function hashOf(ticket: string): string {
  return createHash("sha256").update(ticket, "utf8").digest("base64");
}
