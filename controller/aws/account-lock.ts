import type { CancelTimer, Clock } from "#lib/clock.ts";
import { AwsFailure, type CallUrgency } from "./ports.ts";

/**
 * One role update per account at a time: Identity Center refuses a second one with ConflictException ("IAM roles in an
 * account that can be updated at a time: 1, not raisable", IAM Identity Center quotas). Nothing waits inside: who comes at
 * the wrong moment gets a `busy` failure, has a place in the line, and is woken when it is its turn; so no worker is held and
 * nobody asks in vain. Every step costs the same however long the line is.
 */
export interface AccountLock {
  /**
   * Takes the account's turn for `ticket` (one wanted change), or throws a `busy` AwsFailure and keeps a place in the line. The
   * first among the most urgent is next: `wake` is called when the turn is kept for it. A ticket that already holds the turn
   * holds it on.
   */
  take(accountID: string, ticket: string, urgency: CallUrgency, wake?: () => void): void;
  /** Ties the turn to the asynchronous operation that was started under it; `finished` with the same id gives it up. */
  started(accountID: string, ticket: string, requestID: string): void;
  /** Gives up the turn that is tied to this operation. Unknown ids are ignored. */
  finished(requestID: string): void;
  /** Gives up the turn, or the place in the line, where no operation came of it. */
  release(accountID: string, ticket: string): void;
}

/** Longest hold: operations end within "seconds, up to minutes"; past it AWS itself says ConflictException where one still runs. */
export const accountHoldMaxMs = 120_000;
/**
 * How long the turn is kept for whoever is next. A woken Grant comes as soon as a worker is free; workers are bound by 19 calls a
 * second, ten at a time, which is half a second.
 */
export const turnKeptMs = 5_000;
/** A place in the line is kept this long after its owner last asked. Owners are woken, and ask by themselves every 10 s. */
export const linePlaceMs = 30_000;

interface Place {
  readonly ticket: string;
  readonly urgency: CallUrgency;
  seenAtMs: number;
  wake: (() => void) | undefined;
}

const urgencies = ["revoke", "change", "check"] as const;

export function createAccountLock(clock: Clock): AccountLock {
  const accounts = new Map<string, Account>();
  const operations = new Map<string, { readonly accountID: string; readonly ticket: string }>();
  const accountOf = (accountID: string): Account => {
    const known = accounts.get(accountID) ?? new Account(clock);
    accounts.set(accountID, known);
    return known;
  };
  return {
    take(accountID, ticket, urgency, wake) {
      if (!accountOf(accountID).take(ticket, urgency, wake)) {
        throw new AwsFailure(
          "busy",
          "AccountBusy",
          "sso:UpdateRole",
          `another role of account ${accountID} is being updated; AWS takes one at a time`,
        );
      }
    },
    started(accountID, ticket, requestID) {
      operations.set(requestID, { accountID, ticket });
      accountOf(accountID).onGivenUp(ticket, () => operations.delete(requestID));
    },
    finished(requestID) {
      const operation = operations.get(requestID);
      if (operation !== undefined) {
        accountOf(operation.accountID).release(operation.ticket);
      }
    },
    release(accountID, ticket) {
      accountOf(accountID).release(ticket);
    },
  };
}

/** The turn of one account and the line for it. */
class Account {
  readonly #clock: Clock;
  /** Maps keep the order of insertion, and give their first entry and remove any in constant time. */
  readonly #lines: Readonly<Record<CallUrgency, Map<string, Place>>> = {
    revoke: new Map(),
    change: new Map(),
    check: new Map(),
  };
  #holder: string | undefined;
  /** Whom the free turn is kept for. */
  #next: string | undefined;
  #cancelTimer: CancelTimer = () => {};
  #givenUp: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(ticket: string, urgency: CallUrgency, wake: (() => void) | undefined): boolean {
    if (this.#holder === ticket) {
      return true;
    }
    this.#join(ticket, urgency, wake);
    if (this.#holder !== undefined || this.#first()?.ticket !== ticket) {
      return false;
    }
    this.#leave(ticket);
    this.#holder = ticket;
    this.#next = undefined;
    this.#arm(accountHoldMaxMs, () => this.release(ticket));
    return true;
  }

  release(ticket: string): void {
    this.#leave(ticket);
    if (this.#holder === ticket) {
      this.#holder = undefined;
      const givenUp = this.#givenUp;
      this.#givenUp = () => {};
      givenUp();
      this.#wakeNext();
    } else if (this.#next === ticket) {
      this.#wakeNext();
    }
  }

  onGivenUp(ticket: string, givenUp: () => void): void {
    if (this.#holder === ticket) {
      this.#givenUp = givenUp;
    }
  }

  #join(ticket: string, urgency: CallUrgency, wake: (() => void) | undefined): void {
    const line = this.#lines[urgency];
    const known = line.get(ticket);
    const seenAtMs = this.#clock.monotonicMs();
    if (known === undefined) {
      this.#leave(ticket);
      line.set(ticket, { ticket, urgency, seenAtMs, wake });
    } else {
      known.seenAtMs = seenAtMs;
      known.wake = wake ?? known.wake;
    }
  }

  #leave(ticket: string): void {
    for (const urgency of urgencies) {
      this.#lines[urgency].delete(ticket);
    }
  }

  /** The first among the most urgent who still comes back now and then. */
  #first(): Place | undefined {
    const latest = this.#clock.monotonicMs() - linePlaceMs;
    for (const urgency of urgencies) {
      for (const place of this.#lines[urgency].values()) {
        if (place.seenAtMs > latest) {
          return place;
        }
        this.#lines[urgency].delete(place.ticket);
      }
    }
    return undefined;
  }

  #wakeNext(): void {
    this.#cancelTimer();
    const first = this.#first();
    this.#next = first?.ticket;
    if (first !== undefined) {
      // Whoever does not come loses its place, so that it blocks nobody.
      this.#arm(turnKeptMs, () => this.release(first.ticket));
      first.wake?.();
    }
  }

  #arm(afterMs: number, then: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(afterMs, then);
  }
}
