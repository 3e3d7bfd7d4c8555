import type { DatabaseSync, StatementSync } from "node:sqlite";
import { tryDecodeRecord } from "../codec.ts";
import { controllerPrefix } from "../event/event-record.ts";
import { BatchJudge, headOf, type JudgedRecord, openHeads, type TaskState } from "./judge.ts";
import { SessionIndex, type SessionRow } from "./session-index.ts";
import type { IngestResult } from "./types.ts";

interface TaskRow extends TaskState {
  readonly id: number;
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
      const judge = new BatchJudge<SessionRow>(row, {
        session: (name) => this.#sessions.get(row.id, name),
        bytesAt: (seq) => bytesIn(this.#bytesAt.get(row.id, seq)?.["bytes"]),
        isConflict: (bytes) => this.#sameConflict.get(row.id, bytes) !== undefined,
      });
      for (const bytes of records) {
        judge.take(bytes, tryDecodeRecord(bytes));
      }
      for (const judged of judge.rows) {
        this.#insert(row, judged, received);
      }
      for (const { seq, kind, detail } of judge.findings) {
        this.#insertFinding.run(row.id, seq ?? null, received, kind, detail);
      }
      this.#sessions.save(judge.changed);
      this.#saveTask.run(row.seq, row.chainSeq, row.chainHead, row.id);
      this.#database.exec("COMMIT");
      return this.#result(row, judge);
    } catch (error) {
      // What is in memory may be ahead of what is stored; it is read again.
      this.#tasks.clear();
      this.#sessions.forget();
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #result(task: TaskRow, judge: BatchJudge<SessionRow>): IngestResult {
    return {
      ackSeq: task.seq,
      stored: judge.rows.length,
      duplicates: judge.duplicates,
      storeSeq: newestPosition(this.#database),
      findings: judge.findings,
      opened: judge.opened,
      flagged: this.#flaggedGrants(judge.flagged),
      head: headOf(task, openHeads(judge.changed)),
    };
  }

  #flaggedGrants(flagged: ReadonlySet<SessionRow>): string[] {
    if (flagged.size === 0) {
      return [];
    }
    const query = this.#database.prepare(
      `SELECT s.grant_id FROM sessions s WHERE s.id = ? AND s.grant_id IS NOT NULL
         AND EXISTS (SELECT 1 FROM hazards h WHERE h.session_id = s.id)`,
    );
    return [...new Set([...flagged].flatMap(({ id }) => query.all(id).map((row) => String(row["grant_id"]))))];
  }

  #insert(task: TaskRow, { bytes, position, flag, record, session }: JudgedRecord<SessionRow>, received: number): void {
    const statement = record !== undefined && "statement" in record ? record.statement : null;
    const kind = record?.kind ?? null;
    const place = [task.id, position, session?.id ?? null, kind, statement, received, flag] as const;
    const storeSeq = Number(this.#insertRecord.run(...place, bytes).lastInsertRowid);
    if (session !== undefined && record !== undefined) {
      this.#sessions.write(session, record, storeSeq);
    }
    // A proxy's record that says to be the controller's is kept, and is no event.
    if (record?.kind === "event" && task.proxy.startsWith(controllerPrefix)) {
      this.#insertEvent.run(storeSeq, record.event, record.about.grantID ?? null);
    }
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

/** Position of the newest record, also where it was removed since (sqlite.org/autoinc.html); 0 in an empty store. */
export function newestPosition(database: DatabaseSync): number {
  return Number(database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'records'").get()?.["seq"] ?? 0);
}

function bytesIn(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}
