import { hashRecord } from "../codec.ts";
import { hazardsIn } from "../hazard-notice.ts";
import type { AuditRecord, RecordHash } from "../record.ts";
import type { Flag, IngestFinding, TaskHead } from "./types.ts";

/** Where a task's chains stand. */
export interface TaskState {
  readonly proxy: string;
  readonly task: string;
  seq: number;
  chainSeq: number;
  chainHead: RecordHash | null;
}

/** A session as ingest needs it; the tables hold the rest. */
export interface SessionState {
  readonly session: string;
  /** 0 before its first record. */
  sessionSeq: number;
  /** Empty before its first record. */
  head: RecordHash;
  statements: number;
  closeTime?: string;
  closeReason?: string;
}

/** What is stored already. */
export interface Kept<S extends SessionState> {
  /** The session of that name, made when it is new: its opening record may have been lost. */
  session(name: string): S;
  /** Bytes of the record that holds that number; undefined where none does. */
  bytesAt(seq: number): Uint8Array | undefined;
  /** Whether these bytes are kept as a conflict. */
  isConflict(bytes: Uint8Array): boolean;
}

/** A record as it is to be stored. */
export interface JudgedRecord<S extends SessionState> {
  readonly bytes: Uint8Array;
  /** Number that it holds in its task's chain; null for one that contradicts another. */
  readonly position: number | null;
  readonly flag: Flag | null;
  /** Absent when the bytes are not to be read: no record, a foreign one, or a conflict. */
  readonly record?: AuditRecord;
  readonly session?: S;
}

/**
 * Judges the records of one batch, in their order, by what is stored: which are new, which are known, and which do not fit their chain.
 * Moves the states of the task and its sessions along. Stores nothing.
 */
export class BatchJudge<S extends SessionState> {
  /** What is to be stored, in order. */
  readonly rows: JudgedRecord<S>[] = [];
  readonly findings: IngestFinding[] = [];
  readonly opened: { session: string; grantID: string; database: string }[] = [];
  readonly changed = new Set<S>();
  /** Sessions whose hazards may now be known to belong to a grant. */
  readonly flagged = new Set<S>();
  duplicates = 0;
  readonly #task: TaskState;
  readonly #kept: Kept<S>;
  /** Numbers that this batch has given, and conflicts that it has kept. */
  readonly #given = new Map<number, Uint8Array>();
  readonly #conflicts = new Set<RecordHash>();
  /** Sequence number of the record before: where an unreadable one belongs. */
  #previousSeq: number | undefined;

  constructor(task: TaskState, kept: Kept<S>) {
    this.#task = task;
    this.#kept = kept;
  }

  /** Judges the next one; `record` is what the bytes hold, undefined where they hold none. */
  take(bytes: Uint8Array, record: AuditRecord | undefined): void {
    const task = this.#task;
    const isForeign = record !== undefined && (record.proxy !== task.proxy || record.task !== task.task);
    const readable = isForeign ? undefined : record;
    const seq = readable?.seq ?? (this.#previousSeq ?? task.seq) + 1;
    this.#previousSeq = seq;
    if (seq <= task.seq && this.#isKnown(seq, bytes)) {
      return;
    }
    const missing = seq > task.seq + 1 ? `records ${task.seq + 1} to ${seq - 1} are missing` : undefined;
    this.#given.set(seq, bytes);
    if (readable === undefined) {
      const kind = isForeign ? "wrong-origin" : "unreadable";
      this.#find(seq, kind, isForeign ? "the record names another proxy or task" : "the bytes are no record");
      this.rows.push({ bytes, position: seq, flag: kind });
      task.seq = Math.max(task.seq, seq);
      return;
    }
    this.#takeRecord(readable, bytes, missing);
  }

  /** A number that was given before: the same bytes are a repetition, others a conflict, which is kept beside. */
  #isKnown(seq: number, bytes: Uint8Array): boolean {
    const kept = this.#given.get(seq) ?? this.#kept.bytesAt(seq);
    if (kept === undefined) {
      return false;
    }
    const bytesHash = hashRecord(bytes);
    if (Buffer.compare(kept, bytes) === 0 || this.#conflicts.has(bytesHash) || this.#kept.isConflict(bytes)) {
      this.duplicates += 1;
      return true;
    }
    this.#find(seq, "conflict", "another record with this number is stored already");
    this.#conflicts.add(bytesHash);
    this.rows.push({ bytes, position: null, flag: "conflict" });
    return true;
  }

  #takeRecord(record: AuditRecord, bytes: Uint8Array, missing: string | undefined): void {
    const task = this.#task;
    const isLate = record.seq <= task.seq;
    const session = record.session === undefined ? undefined : this.#kept.session(record.session);
    const mismatch = isLate ? undefined : mismatchOf(task, session, record);
    const gap = missing !== undefined ? "after-gap" : mismatch !== undefined ? "chain-mismatch" : null;
    const flag = isLate ? "late" : gap;
    if (flag !== null) {
      this.#find(record.seq, flag, missing ?? mismatch ?? "the record came after others that follow it");
    }
    this.rows.push({ bytes, position: record.seq, flag, record, ...(session === undefined ? {} : { session }) });
    const recordHash = isLate ? "" : hashRecord(bytes);
    if (session !== undefined) {
      this.#advance(session, record, recordHash, isLate);
    }
    if (record.kind === "session.open") {
      this.opened.push({ session: record.session, grantID: record.grantID, database: record.database });
    }
    if (!isLate) {
      task.seq = record.seq;
      task.chainSeq = record.chainSeq ?? task.chainSeq;
      task.chainHead = record.chainSeq === undefined ? task.chainHead : recordHash;
    }
  }

  /** A late record does not move the chain. */
  #advance(session: S, record: AuditRecord, recordHash: RecordHash, isLate: boolean): void {
    this.changed.add(session);
    if (!isLate) {
      session.sessionSeq = record.sessionSeq;
      session.head = recordHash;
    }
    if (record.kind === "statement.start") {
      session.statements += 1;
    } else if (record.kind === "session.close") {
      session.closeTime = record.time;
      session.closeReason = record.reason;
    }
    // An opening record that comes late tells whose hazards those before it were.
    const isOwned = record.kind === "session.open" && isLate;
    if (isOwned || (record.kind === "statement.start" && hazardsIn(record.notices).length > 0)) {
      this.flagged.add(session);
    }
  }

  #find(seq: number, kind: Flag, detail: string): void {
    const { proxy, task } = this.#task;
    this.findings.push({ proxy, task, seq, kind, detail });
  }
}

/** Numbers at which `BatchJudge` will look whether something is stored already. */
export function numbersOf(task: TaskState, records: readonly (AuditRecord | undefined)[]): number[] {
  let previous = task.seq;
  return records.map((record) => {
    const isForeign = record !== undefined && (record.proxy !== task.proxy || record.task !== task.task);
    previous = record === undefined || isForeign ? previous + 1 : record.seq;
    return previous;
  });
}

/** What a task's chains look like to the signer. */
export function headOf(
  task: Pick<TaskHead, "proxy" | "task" | "seq" | "chainSeq" | "chainHead">,
  openSessions: TaskHead["openSessions"],
): TaskHead {
  const { seq, chainSeq, chainHead } = task;
  return { proxy: task.proxy, task: task.task, seq, chainSeq, chainHead, openSessions };
}

/** Of sessions that changed: where those stand that are open. */
export function openHeads(changed: Iterable<SessionState>): TaskHead["openSessions"] {
  return [...changed]
    .filter((session) => session.closeTime === undefined)
    .map(({ session, sessionSeq, head }) => ({ session, sessionSeq, head }));
}

function mismatchOf(task: TaskState, session: SessionState | undefined, record: AuditRecord): string | undefined {
  if (
    session !== undefined &&
    (record.sessionSeq !== session.sessionSeq + 1 || record.prev !== (session.head || null))
  ) {
    return "the record does not follow the last one of its session";
  }
  if (record.chainSeq !== undefined && (record.chainSeq !== task.chainSeq + 1 || record.chainPrev !== task.chainHead)) {
    return "the record does not follow the last open, close or gap of its task";
  }
  return session?.closeTime === undefined ? undefined : "the record follows the close of its session";
}
