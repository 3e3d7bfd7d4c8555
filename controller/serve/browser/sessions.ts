import type { CancelTimer, Clock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { digestOf, type Principal } from "../auth/tokens.ts";
import { ByPerson } from "./by-person.ts";

/** A working day; after it the person signs in again, whatever they do. */
export const sessionLifeMs = 8 * 3_600_000;
/** A browser that was left alone this long is signed out. */
export const sessionIdleMs = 3_600_000;
/** How old what is known of the person may be: as with a bearer token, which lives this long. */
export const personAgeMaxMs = 15 * 60_000;
/** 10,000 people at work × about 500 bytes is 5 MB; beyond it, who has been idle longest signs in again. */
export const sessionsMax = 10_000;
/** Browsers of one person; beyond it their oldest is signed out, so that nobody can push others out. */
export const sessionsPerPersonMax = 10;
const tokenBytes = 32;

/** How a session began, as far as its end must know. */
export interface SessionOrigin {
  /** It began at the OIDC issuer, where it can be ended too; with the ID token that names it there, unless that is too large to be kept. */
  readonly issuer?: { readonly idToken: Secret | undefined };
}

interface Held {
  readonly origin: SessionOrigin;
  principal: Principal;
  /** When `principal` was read. */
  readMs: number;
  usedMs: number;
  readonly endsMs: number;
  /** Told when the session ends before its time. */
  readonly enders: Set<() => void>;
  reading: Promise<Principal | undefined> | undefined;
}

export interface BrowserSessionsOptions {
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  /** Reads the person again; undefined when they may not be signed in any more. Rejects when it cannot tell. */
  readonly readPerson: (userName: string) => Promise<Principal | undefined>;
}

/**
 * Who is signed in with a browser. Only the digest of what the cookie holds is kept, in memory: a restart signs everybody out. A token of
 * these is no bearer token, and a bearer token is no cookie.
 */
export class BrowserSessions {
  readonly #held = new Map<string, Held>();
  readonly #byPerson = new ByPerson();
  readonly #options: BrowserSessionsOptions;

  constructor(options: BrowserSessionsOptions) {
    this.#options = options;
  }

  /** Begins a session: always with a new token, never with one that a browser brought along. */
  start(principal: Principal, origin: SessionOrigin = {}): { token: Secret; lifeMs: number } {
    const nowMs = this.#options.clock.monotonicMs();
    this.#makeRoom(principal, nowMs);
    const token = Buffer.from(this.#options.random(tokenBytes)).toString("base64url");
    const digest = digestOf(token);
    this.#byPerson.add(principal.userID, digest);
    this.#held.set(digest, {
      origin,
      principal,
      readMs: nowMs,
      usedMs: nowMs,
      endsMs: nowMs + sessionLifeMs,
      enders: new Set(),
      reading: undefined,
    });
    return { token: new Secret(token), lifeMs: sessionLifeMs };
  }

  /** Whose session it is; undefined when it is unknown, idle for too long or over, or its person is not one of ours any more. */
  async find(token: string): Promise<Principal | undefined> {
    const digest = digestOf(token);
    const held = this.#live(digest);
    if (held === undefined) {
      return undefined;
    }
    const nowMs = this.#options.clock.monotonicMs();
    held.usedMs = nowMs;
    // The map's order is the order of use: whoever comes first was idle longest.
    this.#held.delete(digest);
    this.#held.set(digest, held);
    this.#byPerson.add(held.principal.userID, digest);
    return nowMs - held.readMs < personAgeMaxMs ? held.principal : this.#readAgain(digest, held);
  }

  /** How long the session lasts at most from now, in milliseconds; undefined when it is unknown or over. */
  leftMs(token: string): number | undefined {
    const held = this.#live(digestOf(token));
    return held === undefined ? undefined : held.endsMs - this.#options.clock.monotonicMs();
  }

  /** Calls `fire` once when the session is over or its person must be read again; without delay for one that is unknown. */
  whenOver(token: string, fire: () => void): CancelTimer {
    const { clock } = this.#options;
    const held = this.#live(digestOf(token));
    const atMs = held === undefined ? 0 : Math.min(held.readMs + personAgeMaxMs, held.endsMs);
    const cancelTimer = clock.after(atMs - clock.monotonicMs(), fire);
    held?.enders.add(fire);
    return () => {
      cancelTimer();
      held?.enders.delete(fire);
    };
  }

  /** Signs out. Gives how the session had begun; undefined where there was none. */
  end(token: string): SessionOrigin | undefined {
    const digest = digestOf(token);
    const origin = this.#live(digest)?.origin;
    this.#end(digest);
    return origin;
  }

  #live(digest: string): Held | undefined {
    const held = this.#held.get(digest);
    const nowMs = this.#options.clock.monotonicMs();
    if (held !== undefined && (nowMs >= held.endsMs || nowMs - held.usedMs >= sessionIdleMs)) {
      this.#end(digest);
      return undefined;
    }
    return held;
  }

  async #readAgain(digest: string, held: Held): Promise<Principal | undefined> {
    held.reading ??= this.#options.readPerson(held.principal.userName).finally(() => {
      held.reading = undefined;
    });
    const person = await held.reading;
    // A user of the same name who is not the same user is somebody else.
    if (person?.userID !== held.principal.userID) {
      this.#end(digest);
      return undefined;
    }
    held.principal = person;
    held.readMs = this.#options.clock.monotonicMs();
    // Somebody may have signed out meanwhile.
    return this.#held.has(digest) ? person : undefined;
  }

  #end(digest: string): void {
    const held = this.#held.get(digest);
    this.#held.delete(digest);
    this.#byPerson.delete(held?.principal.userID ?? "", digest);
    for (const fire of held?.enders ?? []) {
      fire();
    }
  }

  #makeRoom({ userID }: Principal, nowMs: number): void {
    for (const [digest, held] of this.#held) {
      if (nowMs - held.usedMs < sessionIdleMs && this.#held.size < sessionsMax) {
        break;
      }
      this.#end(digest);
    }
    const oldest = this.#byPerson.oldestBeyond(userID, sessionsPerPersonMax);
    if (oldest !== undefined) {
      this.#end(oldest);
    }
  }
}
