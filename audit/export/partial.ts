import type { AuditRecord, RecordHash } from "../record.ts";
import type { FindingKind, FindingSink } from "../verify-report.ts";

/** What signed heads say, all of it: a part of a trail may hold records that only an older head names. */
export interface PartialAnchors {
  /** Hash of the record of that place: by session and number in it. */
  readonly sessions: ReadonlyMap<string, ReadonlyMap<number, RecordHash>>;
  /** The same of opens, closes, gaps and events, by number. */
  readonly chain: ReadonlyMap<number, RecordHash>;
}

interface SessionPart {
  sessionSeq: number;
  head: RecordHash;
  readonly fromStart: boolean;
  closed: boolean;
  records: number;
  /** How many of them a signed head reaches. */
  proven: number;
}

/** How much of a task's part is proven. */
export interface PartTotals {
  readonly records: number;
  readonly proven: number;
  readonly sessions: number;
  readonly wholeSessions: number;
}

/**
 * Checks a part of one task's records, in their order: a stretch of time (`isStretch`), where numbers follow each other, or what belongs to
 * one Grant. The first record that is seen of a chain is believed; everything after it must follow. A record is proven when a signed head
 * names it, or one that follows it in an unbroken chain.
 */
export class PartCheck {
  readonly #at: { readonly proxy: string; readonly task: string };
  readonly #anchors: PartialAnchors;
  readonly #sink: FindingSink;
  readonly #isStretch: boolean;
  readonly #sessions = new Map<string, SessionPart>();
  /** Sessions with an opening or close in the stretch of the chain that no signed head has reached yet, and how many records beside them. */
  #waiting: { readonly session: SessionPart; readonly records: number }[] = [];
  #waitingOthers = 0;
  #seq: number | undefined;
  #chainSeq = 0;
  #chainHead: RecordHash | null = null;
  #others = 0;
  #provenOthers = 0;

  constructor(
    at: { readonly proxy: string; readonly task: string },
    anchors: PartialAnchors,
    sink: FindingSink,
    isStretch: boolean,
  ) {
    this.#at = at;
    this.#anchors = anchors;
    this.#sink = sink;
    this.#isStretch = isStretch;
  }

  take(record: AuditRecord, recordHash: RecordHash): void {
    const last = this.#seq;
    if (last !== undefined && record.seq <= last) {
      this.#find("reordered", record, `Record ${record.seq} stands after record ${last}.`);
      return;
    }
    if (this.#isStretch && last !== undefined && record.seq > last + 1) {
      this.#find("removed", record, `Records ${last + 1} to ${record.seq - 1} are missing.`);
    }
    this.#seq = record.seq;
    if (record.kind === "gap") {
      this.#find("gap", record, `The proxy could not keep ${record.count} records (${record.reason}).`);
    }
    const session = record.session === undefined ? undefined : this.#takeOfSession(record, record.session, recordHash);
    if (record.chainSeq !== undefined) {
      this.#takeOfChain(record, record.chainSeq, recordHash, session);
    }
  }

  takeUnreadable(): void {
    this.#find("altered", this.#seq === undefined ? {} : { seq: this.#seq + 1 }, "The record cannot be read.");
    this.#seq = this.#seq === undefined ? undefined : this.#seq + 1;
  }

  finish(): PartTotals {
    const sessions = [...this.#sessions.values()];
    return {
      records: sessions.reduce((sum, { records }) => sum + records, this.#others),
      proven: sessions.reduce((sum, { proven }) => sum + proven, this.#provenOthers),
      sessions: sessions.length,
      wholeSessions: sessions.filter(
        ({ fromStart, closed, records, proven }) => fromStart && closed && records === proven,
      ).length,
    };
  }

  #takeOfSession(record: AuditRecord, name: string, recordHash: RecordHash): SessionPart {
    const known = this.#sessions.get(name);
    const session: SessionPart = known ?? {
      sessionSeq: record.sessionSeq - 1,
      head: record.prev ?? "",
      fromStart: record.sessionSeq === 1,
      closed: false,
      records: 0,
      proven: 0,
    };
    this.#sessions.set(name, session);
    if (record.sessionSeq > session.sessionSeq + 1) {
      const [from, to] = [session.sessionSeq + 1, record.sessionSeq - 1];
      this.#find("removed", record, `Records ${from} to ${to} of the session are missing.`);
    } else if (
      record.sessionSeq !== session.sessionSeq + 1 ||
      (record.prev ?? "") !== session.head ||
      session.closed ||
      (record.sessionSeq === 1) !== (record.prev === null)
    ) {
      this.#find("altered", record, "The record before it in its session, or this one, is not what was written.");
    }
    session.sessionSeq = record.sessionSeq;
    session.head = recordHash;
    session.closed ||= record.kind === "session.close";
    session.records += 1;
    const signed = this.#anchors.sessions.get(name)?.get(record.sessionSeq);
    this.#checkSigned(record, signed, recordHash);
    if (signed !== undefined) {
      session.proven = session.records;
    }
    return session;
  }

  #takeOfChain(record: AuditRecord, chainSeq: number, recordHash: RecordHash, session: SessionPart | undefined): void {
    const follows = chainSeq === this.#chainSeq + 1;
    if (follows && this.#chainSeq > 0 && record.chainPrev !== this.#chainHead) {
      this.#find("altered", record, "The open or close before it, or this one, is not what was written.");
    }
    if (!follows) {
      if (this.#chainSeq > 0 && (this.#isStretch || chainSeq <= this.#chainSeq)) {
        const detail = `Open or close ${chainSeq} of the task stands after ${this.#chainSeq}.`;
        this.#find("session-missing", record, detail);
      }
      this.#waiting = [];
      this.#waitingOthers = 0;
    }
    this.#chainSeq = chainSeq;
    this.#chainHead = recordHash;
    if (session === undefined) {
      this.#others += 1;
      this.#waitingOthers += 1;
    } else {
      this.#waiting.push({ session, records: session.records });
    }
    const signed = this.#anchors.chain.get(chainSeq);
    this.#checkSigned(record, signed, recordHash);
    if (signed !== undefined) {
      this.#prove();
    }
  }

  /** A signed head names the last record of the chain: it reaches all that the chain reaches. */
  #prove(): void {
    for (const { session, records } of this.#waiting) {
      session.proven = Math.max(session.proven, records);
    }
    this.#provenOthers += this.#waitingOthers;
    this.#waiting = [];
    this.#waitingOthers = 0;
  }

  #checkSigned(record: AuditRecord, signed: RecordHash | undefined, recordHash: RecordHash): void {
    if (signed !== undefined && signed !== recordHash) {
      this.#find("head-mismatch", record, "The record is not the one that was signed.");
    }
  }

  #find(kind: FindingKind, { seq, session }: { seq?: number; session?: string }, detail: string): void {
    this.#sink.add({
      kind,
      ...this.#at,
      ...(session === undefined ? {} : { session }),
      ...(seq === undefined ? {} : { seq }),
      detail,
    });
  }
}
