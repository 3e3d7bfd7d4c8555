import { Session } from "./session.ts";
import type { SessionDeps, SessionStart } from "./session.ts";

/** Ended sessions that are remembered for DescribeSessions. AWS keeps 30 days; memory here is bounded by number. */
export const historyMax = 1_000;

/** All sessions of the sandbox, the ended ones too. */
export class SessionRegistry {
  readonly #deps: SessionDeps;
  /** By session ID, in the order in which they started. */
  readonly #sessions = new Map<string, Session>();

  constructor(deps: SessionDeps) {
    this.#deps = deps;
  }

  /** Starts a session under a new ID: `<name of the owner's role session>-<random>`. */
  start(wanted: Omit<SessionStart, "sessionID">): Session {
    const ownerName = wanted.ownerARN.split("/").at(-1) ?? "";
    const sessionID = `${ownerName}-${suffix(this.#deps.random(26))}`;
    const session = new Session({ ...wanted, sessionID }, this.#deps);
    this.#sessions.set(sessionID, session);
    this.#forget();
    return session;
  }

  find(sessionID: string): Session | undefined {
    return this.#sessions.get(sessionID);
  }

  /** In the order in which they started. */
  all(): Session[] {
    return [...this.#sessions.values()];
  }

  ofAccount(accountID: string): Session[] {
    return this.all().filter((session) => session.start.accountID === accountID);
  }

  #forget(): void {
    const ended = this.all().filter((session) => session.endedBy !== undefined);
    for (const session of ended.slice(0, Math.max(0, ended.length - historyMax))) {
      this.#sessions.delete(session.start.sessionID);
    }
  }
}

const suffixAlphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** 26 lower-case base32 characters, as AWS appends them. */
function suffix(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => suffixAlphabet[byte % suffixAlphabet.length]).join("");
}
