import { sessionPrefix } from "./entry/encode.ts";
import type { KnownTexts } from "./large-text.ts";
import type { RecordBody } from "./record.ts";

/**
 * Which sessions are open, with what an entry needs of them. A turn's opens and closes count at once and are taken back when the
 * turn could not be written.
 */
export class OpenSessions {
  readonly #prefixes = new Map<string, Buffer>();
  /** Sessions that have large texts on record: the last number given, and what is known of them. */
  readonly #texts = new Map<string, { last: number; known: KnownTexts }>();
  /** Sessions whose state changed in this turn, and what it was before. */
  readonly #turn: { readonly session: string; readonly before: Buffer | undefined }[] = [];

  constructor(sessions: Iterable<string>) {
    for (const session of sessions) {
      this.#prefixes.set(session, sessionPrefix(session));
    }
  }

  get count(): number {
    return this.#prefixes.size;
  }

  has(session: string): boolean {
    return this.#prefixes.has(session);
  }

  /**
   * `sessionPrefix` of the body's session; undefined for one that is being opened, and for a body of no session. Throws when the
   * body belongs to no open session, or opens one that is open: a defect of the caller.
   */
  prefixFor(body: RecordBody): Buffer | undefined {
    if (body.session === undefined) {
      return undefined;
    }
    const prefix = this.#prefixes.get(body.session);
    if ((prefix === undefined) !== (body.kind === "session.open")) {
      throw new Error(prefix === undefined ? "the audit session is not open" : "the audit session is already open");
    }
    return prefix;
  }

  /** Number for the next large text of an open session, from 1. */
  nextText(session: string): number {
    const texts = this.#textsOf(session);
    texts.last += 1;
    return texts.last;
  }

  /** Large texts of an open session that are on record. */
  knownTexts(session: string): KnownTexts {
    return this.#textsOf(session).known;
  }

  /** The body is taken for writing. */
  taken(body: RecordBody): void {
    if (body.kind === "session.open") {
      this.#turn.push({ session: body.session, before: undefined });
      this.#prefixes.set(body.session, sessionPrefix(body.session));
    } else if (body.kind === "session.close") {
      this.#turn.push({ session: body.session, before: this.#prefixes.get(body.session) });
      this.#prefixes.delete(body.session);
    }
  }

  /** What was taken is written. */
  turnKept(): void {
    if (this.#turn.length === 0) {
      return;
    }
    for (const { session } of this.#turn) {
      if (!this.#prefixes.has(session)) {
        this.#texts.delete(session);
      }
    }
    this.#turn.length = 0;
  }

  /** What was taken is not written. */
  turnLost(): void {
    // Pieces that were taken in this turn are lost too: what they said is recorded again.
    for (const texts of this.#texts.values()) {
      texts.known.clear();
    }
    for (const { session, before } of this.#turn.splice(0).toReversed()) {
      if (before === undefined) {
        this.#prefixes.delete(session);
      } else {
        this.#prefixes.set(session, before);
      }
    }
  }

  #textsOf(session: string): { last: number; known: KnownTexts } {
    const texts = this.#texts.get(session) ?? { last: 0, known: new Map() };
    this.#texts.set(session, texts);
    return texts;
  }
}
