import { timingSafeEqual } from "node:crypto";
import type { BackendFate } from "./confirm.ts";

/** Why a session is ended from outside. */
export type CutReason =
  | "grant-expired"
  | "grant-revoked"
  | "session-killed"
  | "drained"
  | "controller-lost"
  | "proxy-stopped";

/** A connection of a server: several servers behind one name number theirs each for itself. */
export interface ServerThread {
  /** IP address of the server. */
  readonly address: string;
  readonly id: number;
}

/** One live connection of a person to a database, whatever the engine. */
export interface Session {
  readonly id: string;
  readonly grantID: string;
  /** RFC 3339. */
  readonly since: string;
  /** What a cancel request of the same grant must show; undefined where the engine has none. */
  readonly cancelKey: { readonly pid: number; readonly key: Buffer } | undefined;
  /** What a KILL of the same grant may name; undefined where the engine has none, or before the server is logged in to. */
  readonly thread?: ServerThread | undefined;
  /** Asks the database to cancel what runs. */
  cancel(): Promise<void>;
  /** Tells the client something between two messages. */
  warn(message: string): void;
  /** Ends the client's connection and the work in the database. Resolves once that is confirmed, or cannot be. */
  cut(reason: CutReason, message: string): Promise<BackendFate>;
}

/** What became of the sessions of one grant. */
export interface CutOutcome {
  readonly sessions: number;
  readonly backendsGone: number;
}

/** All live sessions of this task. */
export class SessionRegistry {
  readonly #sessions = new Set<Session>();
  readonly #onChange: () => void;

  constructor(onChange: () => void = () => {}) {
    this.#onChange = onChange;
  }

  add(session: Session): void {
    this.#sessions.add(session);
    this.#onChange();
  }

  remove(session: Session): void {
    this.#sessions.delete(session);
    this.#onChange();
  }

  all(): readonly Session[] {
    return [...this.#sessions];
  }

  ofGrant(grantID: string): readonly Session[] {
    return this.all().filter((session) => session.grantID === grantID);
  }

  /** Routes a cancel request to the one session of the same grant that has this key. Silent otherwise, as a server is. */
  async cancel(grantID: string, pid: number, key: Buffer): Promise<void> {
    const found = this.ofGrant(grantID).find(
      (session) =>
        session.cancelKey?.pid === pid &&
        session.cancelKey.key.length === key.length &&
        timingSafeEqual(session.cancelKey.key, key),
    );
    await found?.cancel();
  }

  /** Whether a server's connection is one of this grant's sessions. */
  hasThread(grantID: string, { address, id }: ServerThread): boolean {
    return this.ofGrant(grantID).some(({ thread }) => thread?.address === address && thread.id === id);
  }

  /** Cuts that one session, if it is this grant's; undefined where there is none. */
  async kill(sessionID: string, grantID: string, message: string): Promise<BackendFate | undefined> {
    const session = this.ofGrant(grantID).find(({ id }) => id === sessionID);
    return session?.cut("session-killed", message);
  }

  /** Cuts all sessions of a grant at once. */
  async cutGrant(grantID: string, reason: CutReason, message: string): Promise<CutOutcome> {
    return cutAll(this.ofGrant(grantID), reason, message);
  }

  async cutAll(reason: CutReason, message: string): Promise<CutOutcome> {
    return cutAll(this.all(), reason, message);
  }
}

async function cutAll(sessions: readonly Session[], reason: CutReason, message: string): Promise<CutOutcome> {
  const fates = await Promise.all(sessions.map((session) => session.cut(reason, message)));
  return { sessions: sessions.length, backendsGone: fates.filter((fate) => fate === "gone").length };
}
