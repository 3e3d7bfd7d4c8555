import type { Clock } from "#lib/clock.ts";
import { AwsFailure, type CallUrgency } from "./ports.ts";

/**
 * One role update per account at a time: Identity Center refuses a second one with ConflictException ("IAM roles in an
 * account that can be updated at a time: 1, not raisable", IAM Identity Center quotas). Nothing waits inside: who comes at
 * the wrong moment gets a `busy` failure, keeps its place in the line, and asks again; so no worker is held.
 */
export interface AccountLock {
  /**
   * Takes the account's turn for `ticket` (one wanted change), or throws a `busy` AwsFailure. Whoever came first among the
   * most urgent is next. A ticket that already holds the turn holds it on.
   */
  take(accountID: string, ticket: string, urgency: CallUrgency): void;
  /** Ties the turn to the asynchronous operation that was started under it; `finished` with the same id gives it up. */
  started(accountID: string, ticket: string, requestID: string): void;
  /** Gives up the turn that is tied to this operation. Unknown ids are ignored. */
  finished(requestID: string): void;
  /** Gives up the turn where no operation came of it. */
  release(accountID: string, ticket: string): void;
}

/** Longest hold: operations end within "seconds, up to minutes"; past it AWS itself says ConflictException where one still runs. */
export const accountHoldMaxMs = 120_000;
/** A place in the line is kept this long after its owner last asked. Owners ask again within two seconds. */
export const linePlaceMs = 10_000;

interface Turn {
  readonly ticket: string;
  readonly endsAtMs: number;
}
interface Place {
  readonly ticket: string;
  urgency: CallUrgency;
  seenAtMs: number;
}
interface Account {
  turn: Turn | undefined;
  line: Place[];
}

export function createAccountLock(clock: Clock): AccountLock {
  const accounts = new Map<string, Account>();
  const operations = new Map<
    string,
    { readonly accountID: string; readonly ticket: string; readonly endsAtMs: number }
  >();

  function accountOf(accountID: string): Account {
    const known = accounts.get(accountID) ?? { turn: undefined, line: [] };
    accounts.set(accountID, known);
    const now = clock.monotonicMs();
    if (known.turn !== undefined && known.turn.endsAtMs <= now) {
      known.turn = undefined;
    }
    known.line = known.line.filter((place) => place.seenAtMs + linePlaceMs > now);
    return known;
  }
  function release(accountID: string, ticket: string): void {
    const account = accountOf(accountID);
    if (account.turn?.ticket === ticket) {
      account.turn = undefined;
    }
  }
  return {
    take(accountID, ticket, urgency) {
      const account = accountOf(accountID);
      const now = clock.monotonicMs();
      if (account.turn?.ticket === ticket) {
        return;
      }
      const place = account.line.find((other) => other.ticket === ticket);
      if (place === undefined) {
        account.line.push({ ticket, urgency, seenAtMs: now });
      } else {
        place.seenAtMs = now;
        place.urgency = urgency;
      }
      const first = account.line.find((other) => other.urgency === "revoke") ?? account.line[0];
      if (account.turn !== undefined || first?.ticket !== ticket) {
        throw new AwsFailure(
          "busy",
          "AccountBusy",
          "sso:UpdateRole",
          `another role of account ${accountID} is being updated; AWS takes one at a time`,
        );
      }
      account.line = account.line.filter((other) => other.ticket !== ticket);
      account.turn = { ticket, endsAtMs: now + accountHoldMaxMs };
    },
    started(accountID, ticket, requestID) {
      const now = clock.monotonicMs();
      for (const [id, operation] of operations) {
        if (operation.endsAtMs <= now) {
          operations.delete(id);
        }
      }
      operations.set(requestID, { accountID, ticket, endsAtMs: now + accountHoldMaxMs });
    },
    finished(requestID) {
      const operation = operations.get(requestID);
      if (operation !== undefined) {
        operations.delete(requestID);
        release(operation.accountID, operation.ticket);
      }
    },
    release,
  };
}
