import type { DatabaseSync, StatementSync } from "node:sqlite";
import { decodeRecord, hashRecord } from "../codec.ts";
import { controllerPrefix } from "../event/event-record.ts";
import { hazardsIn } from "../hazard-notice.ts";
import type { AuditRecord, RecordHash } from "../record.ts";
import { SessionIndex, type SessionRow } from "./session-index.ts";
import type { Flag, IngestFinding, IngestResult, TaskHead } from "./types.ts";

interface TaskRow {
  readonly id: number;
  readonly proxy: string;
  readonly task: string;
  seq: number;
  chainSeq: number;
  chainHead: RecordHash | null;
}

/** What one batch has done so far. */
interface Batch {
  readonly task: TaskRow;
  readonly received: number;
  stored: number;
  duplicates: number;
  /** Sequence number of the record before in the batch: where an unreadable one belongs. */
  previousSeq: number | undefined;
  readonly findings: IngestFinding[];
  readonly opened: { session: string; grantID: string; database: string }[];
  readonly changed: Set<SessionRow>;
  /** Sessions whose hazards may now be known to belong to a grant. */
  readonly flagged: Set<SessionRow>;
}

/**
 * Takes batches in. Each batch is one transaction: all of it is stored, or nothing. Whatever arrives is kept; what does not
 * fit its chain is flagged and reported, and never stops what comes after it.
 */
export class Ingestor {
  readonly #database: DatabaseSync;
  readonly #sessions: SessionIndex;
  readonly #tasks = new Map<string, TaskRow>();
  readonly #insertRecord: StatementSync;
  readonly #bytesAt: StatementSync;
  readonly #sameConflict: StatementSync;
  readonly #saveTask: StatementSync;
  readonly #insertFinding: StatementSync;
  readonly #insertEvent: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#sessions = new SessionIndex(database);
    this.#insertRecord = database.prepare(
      `INSERT INTO records (task_id, position, session_id, kind, statement, received, flag, bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#bytesAt = database.prepare("SELECT bytes FROM records WHERE task_id = ? AND position = ?");
    this.#sameConflict = database.prepare(
      "SELECT 1 FROM records WHERE task_id = ? AND position IS NULL AND bytes = ? LIMIT 1",
    );
    this.#saveTask = database.prepare("UPDATE tasks SET seq = ?, chain_seq = ?, chain_head = ? WHERE id = ?");
    this.#insertEvent = database.prepare("INSERT INTO events (store_seq, event, grant_id) VALUES (?, ?, ?)");
    this.#insertFinding = database.prepare(
      "INSERT INTO findings (task_id, seq, received, kind, detail) VALUES (?, ?, ?, ?, ?)",
    );
  }

  /** `proxy` and `task` are who sent the batch, as authenticated; `received` is epoch milliseconds. */
  ingest(proxy: string, task: string, records: readonly Uint8Array[], received: number): IngestResult {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const row = this.#task(proxy, task);
      const batch: Batch = {
        task: row,
        received,
        stored: 0,
        duplicates: 0,
        previousSeq: undefined,
        findings: [],
        opened: [],
        changed: new Set(),
        flagged: new Set(),
      };
      for (const bytes of records) {
        this.#take(batch, bytes);
      }
      this.#sessions.save(batch.changed);
      this.#saveTask.run(row.seq, row.chainSeq, row.chainHead, row.id);
      this.#database.exec("COMMIT");
      return this.#result(batch);
    } catch (error) {
      // What is in memory may be ahead of what is stored; it is read again.
      this.#tasks.clear();
      this.#sessions.forget();
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #result(batch: Batch): IngestResult {
    const { task } = batch;
    const newest = this.#database.prepare("SELECT max(store_seq) AS seq FROM records").get();
    const openSessions = [...batch.changed]
      .filter((session) => session.closeTime === undefined)
      .map(({ session, sessionSeq, head }) => ({ session, sessionSeq, head }));
    return {
      ackSeq: task.seq,
      stored: batch.stored,
      duplicates: batch.duplicates,
      storeSeq: Number(newest?.["seq"] ?? 0),
      findings: batch.findings,
      opened: batch.opened,
      flagged: this.#flaggedGrants(batch),
      head: headOf(task, openSessions),
    };
  }

  #flaggedGrants({ flagged }: Batch): string[] {
    if (flagged.size === 0) {
      return [];
    }
    const query = this.#database.prepare(
      `SELECT s.grant_id FROM sessions s WHERE s.id = ? AND s.grant_id IS NOT NULL
         AND EXISTS (SELECT 1 FROM hazards h WHERE h.session_id = s.id)`,
    );
    return [...new Set([...flagged].flatMap(({ id }) => query.all(id).map((row) => String(row["grant_id"]))))];
  }

  #take(batch: Batch, bytes: Uint8Array): void {
    const { task } = batch;
    const record = tryDecode(bytes);
    const foreign = record !== undefined && (record.proxy !== task.proxy || record.task !== task.task);
    const readable = foreign ? undefined : record;
    const seq = readable?.seq ?? (batch.previousSeq ?? task.seq) + 1;
    batch.previousSeq = seq;
    if (seq <= task.seq && this.#isKnown(batch, seq, bytes)) {
      return;
    }
    const missing = seq > task.seq + 1 ? `records ${task.seq + 1} to ${seq - 1} are missing` : undefined;
    if (readable === undefined) {
      const kind = foreign ? "wrong-origin" : "unreadable";
      this.#find(batch, seq, kind, foreign ? "the record names another proxy or task" : "the bytes are no record");
      this.#insertRecord.run(task.id, seq, null, null, null, batch.received, kind, bytes);
      batch.stored += 1;
      task.seq = Math.max(task.seq, seq);
      return;
    }
    this.#takeRecord(batch, readable, bytes, missing);
  }

  /** A number that was given before: the same bytes are a repetition, others a conflict, which is kept beside. */
  #isKnown(batch: Batch, seq: number, bytes: Uint8Array): boolean {
    const { task } = batch;
    const kept = this.#bytesAt.get(task.id, seq)?.["bytes"];
    if (!(kept instanceof Uint8Array)) {
      return false;
    }
    if (Buffer.compare(kept, bytes) === 0 || this.#sameConflict.get(task.id, bytes) !== undefined) {
      batch.duplicates += 1;
      return true;
    }
    this.#find(batch, seq, "conflict", "another record with this number is stored already");
    this.#insertRecord.run(task.id, null, null, null, null, batch.received, "conflict", bytes);
    batch.stored += 1;
    return true;
  }

  #takeRecord(batch: Batch, record: AuditRecord, bytes: Uint8Array, missing: string | undefined): void {
    const { task } = batch;
    const late = record.seq <= task.seq;
    const session = record.session === undefined ? undefined : this.#sessions.get(task.id, record.session);
    const mismatch = late ? undefined : mismatchOf(task, session, record);
    const flag = late ? "late" : missing !== undefined ? "after-gap" : mismatch === undefined ? null : "chain-mismatch";
    if (flag !== null) {
      this.#find(batch, record.seq, flag, missing ?? mismatch ?? "the record came after others that follow it");
    }
    const statement = "statement" in record ? record.statement : null;
    const inserted = this.#insertRecord.run(
      task.id,
      record.seq,
      session?.id ?? null,
      record.kind,
      statement,
      batch.received,
      flag,
      bytes,
    );
    batch.stored += 1;
    // A proxy's record that says to be the controller's is kept, and is no event.
    if (record.kind === "event" && task.proxy.startsWith(controllerPrefix)) {
      this.#insertEvent.run(inserted.lastInsertRowid, record.event, record.about.grantID ?? null);
    }
    const recordHash = hashRecord(bytes);
    if (session !== undefined) {
      this.#sessions.apply(session, record, recordHash, Number(inserted.lastInsertRowid), late);
      batch.changed.add(session);
    }
    // An opening record that comes late tells whose hazards those before it were.
    const isOwned = record.kind === "session.open" && late;
    if (
      session !== undefined &&
      (isOwned || (record.kind === "statement.start" && hazardsIn(record.notices).length > 0))
    ) {
      batch.flagged.add(session);
    }
    if (record.kind === "session.open") {
      batch.opened.push({ session: record.session, grantID: record.grantID, database: record.database });
    }
    if (!late) {
      task.seq = record.seq;
      task.chainSeq = record.chainSeq ?? task.chainSeq;
      task.chainHead = record.chainSeq === undefined ? task.chainHead : recordHash;
    }
  }

  #find(batch: Batch, seq: number, kind: Flag, detail: string): void {
    const { task } = batch;
    batch.findings.push({ proxy: task.proxy, task: task.task, seq, kind, detail });
    this.#insertFinding.run(task.id, seq, batch.received, kind, detail);
  }

  #task(proxy: string, task: string): TaskRow {
    const key = `${proxy} ${task}`;
    const cached = this.#tasks.get(key);
    if (cached !== undefined) {
      return cached;
    }
    this.#database
      .prepare("INSERT INTO tasks (proxy, task, seq, chain_seq) VALUES (?, ?, 0, 0) ON CONFLICT DO NOTHING")
      .run(proxy, task);
    const row = this.#database
      .prepare("SELECT id, seq, chain_seq, chain_head FROM tasks WHERE proxy = ? AND task = ?")
      .get(proxy, task);
    const loaded: TaskRow = {
      id: Number(row?.["id"]),
      proxy,
      task,
      seq: Number(row?.["seq"]),
      chainSeq: Number(row?.["chain_seq"]),
      chainHead: typeof row?.["chain_head"] === "string" ? row["chain_head"] : null,
    };
    this.#tasks.set(key, loaded);
    return loaded;
  }
}

/** What a task's chains look like to the signer. */
export function headOf(
  task: Pick<TaskHead, "proxy" | "task" | "seq" | "chainSeq" | "chainHead">,
  openSessions: TaskHead["openSessions"],
): TaskHead {
  const { seq, chainSeq, chainHead } = task;
  return { proxy: task.proxy, task: task.task, seq, chainSeq, chainHead, openSessions };
}

function mismatchOf(task: TaskRow, session: SessionRow | undefined, record: AuditRecord): string | undefined {
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

function tryDecode(bytes: Uint8Array): AuditRecord | undefined {
  try {
    return decodeRecord(bytes);
  } catch {
    return undefined;
  }
}
