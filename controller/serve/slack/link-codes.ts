import type { Clock } from "#lib/clock.ts";
import { digestOf } from "../auth/tokens.ts";
import type { SlackAccount } from "./payload.ts";

/** Long enough to find the terminal and sign in. */
export const codeLifeMs = 10 * 60_000;
/** One for each account that pressed a button lately; beyond it the oldest goes. */
export const codesMax = 10_000;
const codeBytes = 16;

/**
 * One-time codes, each for the Slack account that it was shown to. A code opens nothing: whoever signs in and redeems it lets that account
 * act for them. Only the digest of a code is kept.
 */
export class LinkCodes {
  readonly #held = new Map<string, { readonly account: SlackAccount; readonly endsMs: number }>();
  /** The digest of each account's code. */
  readonly #byAccount = new Map<string, string>();
  readonly #clock: Clock;
  readonly #random: (bytes: number) => Uint8Array;

  constructor(clock: Clock, random: (bytes: number) => Uint8Array) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A code for that account, in place of the one that it had. */
  issue(account: SlackAccount): string {
    const nowMs = this.#clock.monotonicMs();
    const name = `${account.teamID}/${account.slackUserID}`;
    this.#drop(this.#byAccount.get(name));
    for (const [digest, { endsMs }] of this.#held) {
      // Insertion order is age order: the first young one ends the sweep.
      if (endsMs > nowMs && this.#held.size < codesMax) {
        break;
      }
      this.#drop(digest);
    }
    const code = Buffer.from(this.#random(codeBytes)).toString("hex");
    const digest = digestOf(code);
    this.#held.set(digest, { account, endsMs: nowMs + codeLifeMs });
    this.#byAccount.set(name, digest);
    return code;
  }

  /** Whose code it is; undefined when it is unknown, used or over. */
  find(code: string): SlackAccount | undefined {
    const held = this.#held.get(digestOf(code));
    return held !== undefined && held.endsMs > this.#clock.monotonicMs() ? held.account : undefined;
  }

  /** The same, and it is used. */
  redeem(code: string): SlackAccount | undefined {
    const account = this.find(code);
    this.#drop(digestOf(code));
    return account;
  }

  #drop(digest = ""): void {
    const held = this.#held.get(digest);
    if (held !== undefined) {
      this.#held.delete(digest);
      this.#byAccount.delete(`${held.account.teamID}/${held.account.slackUserID}`);
    }
  }
}
