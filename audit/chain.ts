import { encodeRecord, hashRecord } from "./codec.ts";
import { recordVersion } from "./record.ts";
import type { AuditRecord, Outcome, RecordBody, RecordHash, SessionClose, StatementCounts } from "./record.ts";
import type { EpochMs } from "#lib/clock.ts";

/** Where one open session's chain stands. */
export interface SessionState {
  readonly session: string;
  readonly sessionSeq: number;
  /** Hash of its last record. */
  readonly head: RecordHash;
  readonly counts: StatementCounts;
  /** Statements that have a start and no end, in the order they started. */
  readonly inFlight: readonly number[];
}

/** Where a task's chains stand: all that is needed to go on after a crash. Plain data. */
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

/** A record that the writer has linked. Give it back to `undo` when it could not be kept. */
export interface LinkedRecord {
  readonly record: AuditRecord;
  readonly bytes: Buffer;
}

interface MutableSession {
  sessionSeq: number;
  head: RecordHash | null;
  counts: Record<Outcome | "started", number>;
  inFlight: Set<number>;
}

/** What `undo` needs to go back over one record. */
interface Step {
  readonly body: RecordBody;
  readonly chainSeq: number;
  readonly chainHead: RecordHash | null;
  readonly sessionSeq: number;
  readonly head: RecordHash | null;
  readonly session: MutableSession | undefined;
  readonly endedInFlight: boolean;
}

/**
 * Links the records of one proxy task: gives each its sequence numbers and the hash of the one before it. Pure state, no
 * I/O; the journal calls it in the order in which records are written.
 */
export class ChainWriter {
  readonly #proxy: string;
  readonly #task: string;
  #seq: number;
  #chainSeq: number;
  #chainHead: RecordHash | null;
  readonly #sessions = new Map<string, MutableSession>();
  /** One entry for each record since the last `settle`, so that a failed write can be taken back. */
  readonly #steps: Step[] = [];

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

  /** Last sequence number given out. */
  get seq(): number {
    return this.#seq;
  }

  /** Whether `session` is open. */
  hasSession(session: string): boolean {
    return this.#sessions.has(session);
  }

  /** Links one record. Throws when the body belongs to no open session, or opens one that is open: a defect of the caller. */
  link(body: RecordBody, now: EpochMs): LinkedRecord {
    const session = this.#sessionFor(body);
    const chained = body.kind === "session.open" || body.kind === "session.close" || body.kind === "gap";
    const record: AuditRecord = {
      ...(body.kind === "session.close" ? completeClose(body, session) : body),
      v: recordVersion,
      proxy: this.#proxy,
      task: this.#task,
      seq: this.#seq + 1,
      sessionSeq: session === undefined ? 0 : session.sessionSeq + 1,
      time: new Date(now).toISOString(),
      prev: session?.head ?? null,
      ...(chained ? { chainSeq: this.#chainSeq + 1, chainPrev: this.#chainHead } : {}),
    };
    const bytes = encodeRecord(record);
    this.#steps.push({
      body,
      chainSeq: this.#chainSeq,
      chainHead: this.#chainHead,
      sessionSeq: session?.sessionSeq ?? 0,
      head: session?.head ?? null,
      session,
      endedInFlight: body.kind === "statement.end" && session?.inFlight.has(body.statement) === true,
    });
    this.#advance(body, session, hashRecord(bytes), chained);
    return { record, bytes };
  }

  /** Takes back the last record that was linked and not settled. Throws when there is none. */
  undo(): void {
    const last = this.#steps.pop();
    if (last === undefined) {
      throw new Error("no linked record is left to take back");
    }
    const body = last.body;
    this.#seq -= 1;
    this.#chainSeq = last.chainSeq;
    this.#chainHead = last.chainHead;
    if (last.session === undefined) {
      return;
    }
    last.session.sessionSeq = last.sessionSeq;
    last.session.head = last.head;
    if (body.kind === "session.open") {
      this.#sessions.delete(body.session);
    } else if (body.kind === "session.close") {
      this.#sessions.set(body.session, last.session);
    } else if (body.kind === "statement.start") {
      last.session.counts.started -= 1;
      last.session.inFlight.delete(body.statement);
    } else if (body.kind === "statement.end") {
      last.session.counts[body.outcome] -= 1;
      if (last.endedInFlight) {
        last.session.inFlight.add(body.statement);
      }
    }
  }

  /** Takes back everything since the last `settle`. */
  undoAll(): void {
    while (this.#steps.length > 0) {
      this.undo();
    }
  }

  /** Everything linked so far is kept for good. */
  settle(): void {
    this.#steps.length = 0;
  }

  /**
   * Goes over a record that is already in the spool, after a restart. The record's own numbers are taken, so that a tail
   * with a hole leads to the state that the next record must continue.
   */
  replay(record: AuditRecord, bytes: Uint8Array): void {
    const recordHash = hashRecord(bytes);
    this.#seq = record.seq;
    if (record.chainSeq !== undefined) {
      this.#chainSeq = record.chainSeq;
      this.#chainHead = recordHash;
    }
    if (record.session !== undefined) {
      const session = this.#sessions.get(record.session) ?? newSession();
      session.sessionSeq = record.sessionSeq;
      session.head = recordHash;
      this.#sessions.set(record.session, session);
      trackSession(this.#sessions, record, session);
    }
  }

  /** Goes on after `seq`, where records up to it are known to be lost. The hole stays visible in the numbers. */
  skipTo(seq: number): void {
    this.#seq = Math.max(this.#seq, seq);
  }

  /** Copy of where everything stands. */
  snapshot(): ChainState {
    return { seq: this.#seq, chainSeq: this.#chainSeq, chainHead: this.#chainHead, sessions: this.openSessions() };
  }

  /** Copy of the open sessions' states. */
  openSessions(): SessionState[] {
    return [...this.#sessions].map(([session, state]) => ({
      session,
      sessionSeq: state.sessionSeq,
      head: state.head ?? "",
      counts: { ...state.counts },
      inFlight: [...state.inFlight],
    }));
  }

  #sessionFor(body: RecordBody): MutableSession | undefined {
    if (body.kind === "gap" && body.session === undefined) {
      return undefined;
    }
    const known = this.#sessions.get(body.session ?? "");
    if ((known === undefined) !== (body.kind === "session.open")) {
      throw new Error(known === undefined ? "the audit session is not open" : "the audit session is already open");
    }
    return known ?? newSession();
  }

  #advance(body: RecordBody, session: MutableSession | undefined, recordHash: RecordHash, chained: boolean): void {
    this.#seq += 1;
    if (chained) {
      this.#chainSeq += 1;
      this.#chainHead = recordHash;
    }
    if (session !== undefined) {
      session.sessionSeq += 1;
      session.head = recordHash;
      trackSession(this.#sessions, body, session);
    }
  }
}

const noCounts: StatementCounts = {
  started: 0,
  ok: 0,
  error: 0,
  cancelled: 0,
  "not-executed": 0,
  cut: 0,
  unknown: 0,
};

function newSession(): MutableSession {
  return { sessionSeq: 0, head: null, counts: { ...noCounts }, inFlight: new Set() };
}

function trackSession(sessions: Map<string, MutableSession>, body: RecordBody, session: MutableSession): void {
  if (body.kind === "session.open") {
    sessions.set(body.session, session);
  } else if (body.kind === "session.close") {
    sessions.delete(body.session);
  } else if (body.kind === "statement.start") {
    session.counts.started += 1;
    session.inFlight.add(body.statement);
  } else if (body.kind === "statement.end") {
    session.counts[body.outcome] += 1;
    session.inFlight.delete(body.statement);
  }
}

function completeClose(body: SessionClose, session: MutableSession | undefined): SessionClose {
  return session === undefined ? body : { ...body, counts: { ...session.counts }, lastSessionSeq: session.sessionSeq };
}
