import type { RemovedRecords } from "./head-line.ts";
import type { AuditRecord, RecordHash } from "./record.ts";
import type { TaskAnchors } from "./verify-heads.ts";
import type { FindingKind, FindingSink, Unanchored } from "./verify-report.ts";

/** Where records of a task begin, where those before are not here and nothing is said of them. */
export interface LateStart {
  /** Number of the first record. */
  readonly first: number;
  /** Last record that heads name which need not be here: what only they say of sessions that are not here is passed over. */
  readonly signedSeq: number;
}

interface SessionCheck {
  sessionSeq: number;
  head: RecordHash | null;
  closed: boolean;
  statements: number;
  /** Its beginning is not here: neither its statements nor its texts can be counted. */
  readonly isCut: boolean;
  /** Large texts: how many pieces were seen, and whether the last one was. */
  readonly texts: Map<number, { pieces: number; whole: boolean }>;
}

/** Sessions of a task after all records were seen. */
export interface TaskTotals {
  readonly sessions: number;
  readonly openSessions: number;
}

/** Checks the records of one task, given in the order in which they are kept. */
export class TaskCheck {
  readonly #proxy: string;
  readonly #task: string;
  readonly #anchors: TaskAnchors | undefined;
  readonly #sink: FindingSink;
  readonly #sessions = new Map<string, SessionCheck>();
  /** Numbers that were jumped over: first and last of each stretch. */
  #missing: { readonly from: number; readonly to: number }[] = [];
  #seq = 0;
  /** Last record that was removed because of its age. */
  #removedSeq = 0;
  /** Records that are there although a signed head says that they were removed. */
  #left: Pick<Unanchored, "fromSeq" | "toSeq"> | undefined;
  /** Last record that a head should vouch for. */
  #dueSeq = 0;
  #chainSeq = 0;
  #chainHead: RecordHash | null = null;
  readonly #late: LateStart | undefined;

  constructor(proxy: string, task: string, anchors: TaskAnchors | undefined, sink: FindingSink, late?: LateStart) {
    this.#proxy = proxy;
    this.#task = task;
    this.#anchors = anchors;
    this.#sink = sink;
    this.#late = late;
    if (late !== undefined) {
      this.#seq = late.first - 1;
    }
    if (anchors?.removed !== undefined) {
      this.#startAfter(anchors.removed);
    }
  }

  /** Where the chains stand after the records that were given: what is signed of them when they are removed. */
  state(): Omit<RemovedRecords, "before"> {
    const sessions = [...this.#sessions].filter(([, { closed }]) => !closed);
    return {
      seq: this.#seq,
      chainSeq: this.#chainSeq,
      chainHead: this.#chainHead,
      sessions: sessions.map(([session, { sessionSeq, head, statements, texts }]) => {
        const whole = [...texts].filter(([, text]) => text.whole).map(([text]) => text);
        return { session, sessionSeq, head, statements, ...(whole.length === 0 ? {} : { texts: whole }) };
      }),
    };
  }

  /** Those of the named sessions that were closed. */
  closedAmong(names: readonly string[]): RemovedRecords["sessions"][number][] {
    return names.flatMap((session) => {
      const known = this.#sessions.get(session);
      return known?.closed === true
        ? [{ session, sessionSeq: known.sessionSeq, head: known.head, statements: known.statements, closed: true }]
        : [];
    });
  }

  /** Takes the next record and the hash of its bytes. `isLater`: no head can vouch for it yet. */
  take(record: AuditRecord, recordHash: RecordHash, isLater: boolean): void {
    if (record.seq <= this.#removedSeq) {
      // A removal that has not ended yet, or somebody who put back what nobody can check any more: nothing vouches for it.
      const { fromSeq = record.seq, toSeq = record.seq } = this.#left ?? {};
      this.#left = { fromSeq: Math.min(fromSeq, record.seq), toSeq: Math.max(toSeq, record.seq) };
      return;
    }
    if (record.seq <= this.#seq) {
      this.#takeOutOfOrder(record);
      return;
    }
    if (record.seq > this.#seq + 1) {
      this.#missing.push({ from: this.#seq + 1, to: record.seq - 1 });
    }
    this.#advance(record.seq, isLater);
    if (record.session !== undefined) {
      this.#checkSession(record, record.session, recordHash);
    }
    if (record.chainSeq !== undefined) {
      this.#checkChain(record, record.chainSeq, recordHash);
    }
    if (record.kind === "gap") {
      const count = record.count === 0 ? "an unknown number of" : String(record.count);
      this.#find("gap", record, `The proxy could not keep ${count} records (${record.reason}).`);
    }
  }

  /** Takes a record of this task's that cannot be read. It holds the place of the next one. */
  takeUnreadable(isLater: boolean): void {
    this.#advance(this.#seq + 1, isLater);
    this.#find("altered", { seq: this.#seq }, "The record cannot be read.");
  }

  /** All records were given. */
  finish(): TaskTotals {
    for (const { from, to } of this.#missing) {
      this.#find("removed", { seq: from }, `Records ${from} to ${to} are missing.`);
    }
    const anchors = this.#anchors;
    if (anchors !== undefined) {
      this.#checkEnd(anchors);
    }
    let openSessions = 0;
    for (const [session, { closed }] of this.#sessions) {
      openSessions += closed ? 0 : 1;
      if (!closed && anchors?.ended !== undefined) {
        this.#find("never-closed", { session }, `The task has ended (${anchors.ended}) and the session has no close.`);
      }
    }
    return { sessions: this.#sessions.size, openSessions };
  }

  /** Records that nothing vouches for: after the last signed one, and those that are said to be removed. */
  unanchored(): Unanchored[] {
    const anchored = Math.max(this.#anchors?.seq ?? 0, (this.#late?.first ?? 1) - 1);
    const newer = this.#dueSeq > anchored ? [{ fromSeq: anchored + 1, toSeq: this.#dueSeq }] : [];
    const left = this.#left === undefined ? [] : [this.#left];
    return [...left, ...newer].map((range) => ({ proxy: this.#proxy, task: this.#task, ...range }));
  }

  #startAfter(removed: RemovedRecords): void {
    this.#removedSeq = removed.seq;
    this.#seq = removed.seq;
    this.#dueSeq = removed.seq;
    this.#chainSeq = removed.chainSeq;
    this.#chainHead = removed.chainHead;
    for (const { session, sessionSeq, head, statements, texts, closed } of removed.sessions) {
      const whole = (texts ?? []).map((text) => [text, { pieces: 0, whole: true }] as const);
      const known = { sessionSeq, head, closed: closed === true, statements, isCut: false, texts: new Map(whole) };
      this.#sessions.set(session, known);
    }
  }

  #advance(seq: number, isLater: boolean): void {
    this.#seq = seq;
    this.#dueSeq = isLater ? this.#dueSeq : seq;
  }

  #takeOutOfOrder(record: AuditRecord): void {
    const stretch = this.#missing.find(({ from, to }) => from <= record.seq && record.seq <= to);
    if (stretch === undefined) {
      this.#find("conflict", record, `Another record has number ${record.seq} too.`);
      return;
    }
    const left = [
      { from: stretch.from, to: record.seq - 1 },
      { from: record.seq + 1, to: stretch.to },
    ].filter(({ from, to }) => from <= to);
    this.#missing = [...this.#missing.filter((other) => other !== stretch), ...left];
    this.#find("reordered", record, `Record ${record.seq} stands after records that follow it.`);
  }

  #checkSession(record: AuditRecord, name: string, recordHash: RecordHash): void {
    const known = this.#sessions.get(name);
    const session = known ?? this.#newSession(record);
    this.#sessions.set(name, session);
    if (known === undefined && !session.isCut && record.kind !== "session.open") {
      this.#find("session-missing", record, "The session's first record is missing.");
    } else if (record.sessionSeq > session.sessionSeq + 1) {
      const [from, to] = [session.sessionSeq + 1, record.sessionSeq - 1];
      this.#find("removed", record, `Records ${from} to ${to} of the session are missing.`);
    } else if (record.sessionSeq <= session.sessionSeq || session.closed) {
      this.#find("altered", record, "The record cannot follow the one before it in its session.");
    } else if (record.prev !== session.head) {
      this.#find("altered", record, "The record before it in its session, or this one, is not what was written.");
    }
    const anchor = this.#anchors?.sessions.get(name);
    this.#checkAnchor(record, anchor?.sessionSeq === record.sessionSeq ? anchor.head : undefined, recordHash);
    if (!session.isCut) {
      this.#checkTexts(record, session);
    }
    session.sessionSeq = record.sessionSeq;
    session.head = recordHash;
    session.statements += record.kind === "statement.start" ? 1 : 0;
    if (record.kind === "session.close") {
      session.closed = true;
      if (session.isCut) {
        return;
      }
      if (record.counts?.started !== session.statements || record.lastSessionSeq !== record.sessionSeq - 1) {
        this.#find(
          "removed",
          record,
          `The close counts ${record.counts?.started} statements, ${session.statements} are there.`,
        );
      }
    }
  }

  /** A session that began before everything that is here is believed to be what its first record here says. */
  #newSession(record: AuditRecord): SessionCheck {
    const isCut = this.#late !== undefined && record.kind !== "session.open";
    const before = isCut ? { sessionSeq: record.sessionSeq - 1, head: record.prev } : { sessionSeq: 0, head: null };
    return { ...before, closed: false, statements: 0, isCut, texts: new Map() };
  }

  /** What a statement refers to must stand before it, whole. */
  #checkTexts(record: AuditRecord, { texts }: SessionCheck): void {
    if (record.kind === "statement.text") {
      const text = texts.get(record.text) ?? { pieces: 0, whole: false };
      texts.set(record.text, text);
      if (record.index !== text.pieces || text.whole) {
        this.#find(
          "altered",
          record,
          `Piece ${record.index} of text ${record.text} stands where ${text.pieces} belongs.`,
        );
      }
      text.pieces = record.index + 1;
      text.whole ||= record.whole !== undefined;
    } else if (record.kind === "statement.start") {
      const parameters = record.parameters ?? [];
      for (const reference of [record.sqlText, ...parameters.map((parameter) => parameter.text)]) {
        if (reference !== undefined && texts.get(reference.text)?.whole !== true) {
          this.#find("removed", record, `Text ${reference.text}, which the statement refers to, is not whole.`);
        }
      }
    }
  }

  #checkChain(record: AuditRecord, chainSeq: number, recordHash: RecordHash): void {
    if (this.#late !== undefined && this.#chainSeq === 0) {
      this.#checkAnchor(record, this.#anchors?.chain.get(chainSeq), recordHash);
      this.#chainSeq = chainSeq;
      this.#chainHead = recordHash;
      return;
    }
    if (chainSeq > this.#chainSeq + 1) {
      const [from, to] = [this.#chainSeq + 1, chainSeq - 1];
      this.#find("session-missing", record, `Opens or closes ${from} to ${to} of the task are missing.`);
    } else if (chainSeq <= this.#chainSeq || record.chainPrev !== this.#chainHead) {
      this.#find("altered", record, "The open or close before it, or this one, is not what was written.");
    }
    this.#checkAnchor(record, this.#anchors?.chain.get(chainSeq), recordHash);
    this.#chainSeq = chainSeq;
    this.#chainHead = recordHash;
  }

  #checkAnchor(record: AuditRecord, signed: RecordHash | undefined, recordHash: RecordHash): void {
    if (signed !== undefined && signed !== recordHash) {
      this.#find("head-mismatch", record, "The record is not the one that was signed.");
    }
  }

  #checkEnd(anchors: TaskAnchors): void {
    if (anchors.seq > this.#seq) {
      this.#find(
        "truncated",
        { seq: this.#seq + 1 },
        `Signed is up to record ${anchors.seq}, kept is up to ${this.#seq}.`,
      );
    }
    if (anchors.chainSeq > this.#chainSeq) {
      const detail = `Signed are ${anchors.chainSeq} opens and closes, kept are ${this.#chainSeq}.`;
      this.#find("truncated", {}, detail);
    }
    for (const [session, { sessionSeq: signed, taskSeq }] of anchors.sessions) {
      const kept = this.#sessions.get(session)?.sessionSeq;
      if (kept === undefined && taskSeq <= (this.#late?.signedSeq ?? 0)) {
        continue;
      }
      if (kept === undefined) {
        this.#find("session-missing", { session }, `Signed are ${signed} records of the session, none is kept.`);
      } else if (kept < signed) {
        this.#find("truncated", { session }, `Signed are ${signed} records of the session, kept are ${kept}.`);
      }
    }
  }

  #find(kind: FindingKind, at: { readonly seq?: number; readonly session?: string }, detail: string): void {
    this.#sink.add({
      kind,
      proxy: this.#proxy,
      task: this.#task,
      ...(at.session === undefined ? {} : { session: at.session }),
      ...(at.seq === undefined ? {} : { seq: at.seq }),
      detail,
    });
  }
}
