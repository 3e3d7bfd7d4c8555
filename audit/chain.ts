import { hashRecord } from "./codec.ts";
import { recordJSON } from "./record-json.ts";
import { recordVersion } from "./record.ts";
import type { Envelope, Outcome, RecordBody, RecordHash, RecordKind, SessionClose, StatementCounts } from "./record.ts";
import type { EpochMs } from "#lib/clock.ts";

/** Where one open session's chain stands. */
export interface SessionState {
  readonly session: string;
  readonly sessionSeq: number;
  /** Hash of its last record; null before the first was linked. */
  readonly head: RecordHash | null;
  readonly counts: StatementCounts;
  /** Statements that have a start and no end, in the order they started. */
  readonly inFlight: readonly number[];
}

/** Where a task's chains stand: all that is needed to link the records after `seq`. Plain data. */
export interface ChainState {
  /** Last spool sequence; 0 before the first record. */
  readonly seq: number;
  readonly chainSeq: number;
  /** Hash of the last open, close or gap; null before the first. */
  readonly chainHead: RecordHash | null;
  readonly sessions: readonly SessionState[];
}

/** State of a task that has written nothing. */
export const emptyChainState: ChainState = { seq: 0, chainSeq: 0, chainHead: null, sessions: [] };

interface MutableSession {
  sessionSeq: number;
  head: RecordHash | null;
  counts: Record<Outcome | "started", number>;
  inFlight: Set<number>;
}

/**
 * Links the bodies of one proxy task, in the order in which they were written, into records: gives each its numbers and the hash
 * of the one before it. Deterministic: the same bodies, times and numbers after the same state give the same bytes, whenever and
 * wherever they are linked. Never fails: what does not fit (a statement of a session that was never opened, after damage) is
 * linked as it is, and `verify` shows it.
 */
export class ChainLinker {
  readonly #proxy: string;
  readonly #task: string;
  #seq: number;
  #chainSeq: number;
  #chainHead: RecordHash | null;
  readonly #sessions = new Map<string, MutableSession>();
  #lastTime: EpochMs = 0;
  #lastText = "";

  constructor(proxy: string, task: string, state: ChainState = emptyChainState) {
    this.#proxy = proxy;
    this.#task = task;
    this.#seq = state.seq;
    this.#chainSeq = state.chainSeq;
    this.#chainHead = state.chainHead;
    for (const session of state.sessions) {
      this.#sessions.set(session.session, {
        sessionSeq: session.sessionSeq,
        head: session.head,
        counts: { ...session.counts },
        inFlight: new Set(session.inFlight),
      });
    }
  }

  /** Number of the last record. */
  get seq(): number {
    return this.#seq;
  }

  /** The bytes of the record number `seq`. A number that does not follow on leaves a hole that readers see. */
  link(body: RecordBody, time: EpochMs, seq: number): Buffer {
    const session = this.#sessionOf(body);
    const chained = chainedKinds.has(body.kind);
    const envelope: Envelope = {
      v: recordVersion,
      proxy: this.#proxy,
      task: this.#task,
      seq,
      sessionSeq: session === undefined ? 0 : session.sessionSeq + 1,
      time: this.#timeText(time),
      prev: session?.head ?? null,
      ...(chained ? { chainSeq: this.#chainSeq + 1, chainPrev: this.#chainHead } : noChain),
    };
    const whole = body.kind === "session.close" ? completeClose(body, session) : body;
    const bytes = Buffer.from(recordJSON(whole, envelope), "utf8");
    const recordHash = hashRecord(bytes);
    if (chained) {
      this.#chainSeq += 1;
      this.#chainHead = recordHash;
    }
    this.#advance(body, session, seq, recordHash);
    return bytes;
  }

  /** Goes over a body without making its record: sessions and statements are known after it, hashes are not. */
  pass(body: RecordBody, seq: number): void {
    this.#advance(body, this.#sessionOf(body), seq, null);
  }

  /** Copy of where everything stands. */
  state(): ChainState {
    return { seq: this.#seq, chainSeq: this.#chainSeq, chainHead: this.#chainHead, sessions: this.openSessions() };
  }

  /** Copy of the open sessions' states. */
  openSessions(): SessionState[] {
    return [...this.#sessions].map(([session, state]) => ({
      session,
      sessionSeq: state.sessionSeq,
      head: state.head,
      counts: { ...state.counts },
      inFlight: [...state.inFlight],
    }));
  }

  /** Records of one turn carry the same time, and making its text costs as much as making the record. */
  #timeText(time: EpochMs): string {
    if (time !== this.#lastTime || this.#lastText === "") {
      this.#lastTime = time;
      this.#lastText = new Date(time).toISOString();
    }
    return this.#lastText;
  }

  #sessionOf(body: RecordBody): MutableSession | undefined {
    if (body.session === undefined) {
      return undefined;
    }
    const known = this.#sessions.get(body.session);
    if (known !== undefined) {
      return known;
    }
    const session: MutableSession = { sessionSeq: 0, head: null, counts: { ...noCounts }, inFlight: new Set() };
    this.#sessions.set(body.session, session);
    return session;
  }

  #advance(body: RecordBody, session: MutableSession | undefined, seq: number, recordHash: RecordHash | null): void {
    this.#seq = seq;
    if (session === undefined) {
      return;
    }
    session.sessionSeq += 1;
    session.head = recordHash;
    if (body.kind === "session.close") {
      this.#sessions.delete(body.session);
    } else if (body.kind === "statement.start") {
      session.counts.started += 1;
      session.inFlight.add(body.statement);
    } else if (body.kind === "statement.end") {
      session.counts[body.outcome] += 1;
      session.inFlight.delete(body.statement);
    }
  }
}

const chainedKinds: ReadonlySet<RecordKind> = new Set(["session.open", "session.close", "gap", "event"]);

const noChain = {};

const noCounts: StatementCounts = {
  started: 0,
  ok: 0,
  error: 0,
  cancelled: 0,
  "not-executed": 0,
  cut: 0,
  unknown: 0,
};

function completeClose(body: SessionClose, session: MutableSession | undefined): SessionClose {
  return session === undefined ? body : { ...body, counts: { ...session.counts }, lastSessionSeq: session.sessionSeq };
}
